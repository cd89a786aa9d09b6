"""Looks at the queues every few seconds: Redis' figures go to PostgreSQL, where `/health` finds them
in the view `jobs.queue_health`; the figures of both backends go to the metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import NoReturn

import msgspec
from databases import Database
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.database import connection
from services.errors import DatabaseUnavailable
from services.jobs.actors import FAST_QUEUES
from services.queries import load_queries
from services.queue import NAMESPACE

logger = logging.getLogger("kiosk.jobs")

_SQL = load_queries(__file__, "samples.sql")
_KEEP_SAMPLE, _QUEUE_FIGURES = _SQL["keep_sample"], _SQL["queue_figures"]
_EVERY_SECONDS = 5.0

job_queue_depth = Gauge("job_queue_depth", "Jobs that could run now", ["backend", "queue"])
job_queue_oldest_seconds = Gauge(
    "job_queue_oldest_seconds", "How long the oldest of them has waited", ["backend", "queue"]
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One queue in Redis at one moment. None: Redis did not answer."""

    depth: int | None = None
    oldest_seconds: float | None = None
    running: int | None = None


async def look(redis: Redis, queue: str) -> Sample:
    """A sample of dramatiq's keys; never raises because of Redis."""
    key = f"{NAMESPACE}:{queue}"
    try:
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.llen(key)
            pipeline.hlen(f"{key}.msgs")
            pipeline.lindex(key, 0)
            depth, messages, oldest = await pipeline.execute()
        raw = await redis.hget(f"{key}.msgs", oldest) if oldest is not None else None
    except (RedisError, OSError):
        return Sample()
    oldest_seconds = 0.0
    if raw is not None:
        oldest_seconds = max(0.0, time.time() - msgspec.json.decode(raw)["message_timestamp"] / 1000)
    return Sample(depth, oldest_seconds, max(0, messages - depth))


async def sample(database: Database, redis: Redis) -> None:
    """Looks once and tells both. A figure nobody knows is absent from the metrics, not zero."""
    samples = {queue: await look(redis, queue) for queue in FAST_QUEUES}
    rows = []
    try:
        async with connection(database) as raw:
            for queue, seen in samples.items():
                await raw.execute(_KEEP_SAMPLE, queue, seen.depth, seen.oldest_seconds, seen.running)
            rows = await raw.fetch(_QUEUE_FIGURES)
    finally:
        job_queue_depth.clear()
        job_queue_oldest_seconds.clear()
        for row in rows:
            if row["depth"] is not None:
                job_queue_depth.labels(row["backend"], row["queue"]).set(row["depth"])
                job_queue_oldest_seconds.labels(row["backend"], row["queue"]).set(row["oldest_seconds"])


async def keep_sampling(database: Database, redis: Redis) -> NoReturn:
    while True:
        try:
            await sample(database, redis)
        except DatabaseUnavailable:
            logger.debug("no sample: the database is away")
        await asyncio.sleep(_EVERY_SECONDS)
