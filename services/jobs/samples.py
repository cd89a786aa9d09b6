"""Looks at the queues every few seconds: Redis' figures go to PostgreSQL, where `/health` finds them
in the view `jobs.queue_health`; the figures of both backends go to the metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import NoReturn

import msgspec
from asyncpg import Record
from databases import Database
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.database import connection
from services.errors import DatabaseUnavailable
from services.jobs.fast_messages import StoredJob
from services.jobs.queue_names import FAST_QUEUES
from services.queries import load_queries
from services.queue import NAMESPACE

logger = logging.getLogger("kiosk.jobs")

_SQL = load_queries(__file__, "samples.sql")
_KEEP_SAMPLE, _QUEUE_FIGURES = _SQL["keep_sample"], _SQL["queue_figures"]
_BACKEND_FIGURES, _TASKS_OVERDUE = _SQL["backend_figures"], _SQL["tasks_overdue"]
_EVERY_SECONDS = 5.0
_DEAD_MAX = 10_000  # what is counted

job_queue_depth = Gauge("job_queue_depth", "Jobs that could run now", ["backend", "queue"])
job_queue_oldest_seconds = Gauge(
    "job_queue_oldest_seconds", "How long the oldest of them has waited", ["backend", "queue"]
)
job_workers = Gauge("job_workers", "Workers heard of within 30 seconds", ["backend"])
jobs_dead = Gauge("jobs_dead", f"Jobs that failed for good and are kept; up to {_DEAD_MAX}", ["backend"])
recurring_overdue_seconds = Gauge("recurring_overdue_seconds", "How late a recurring task is", ["task"])


@dataclass(frozen=True, slots=True)
class Sample:
    """One queue in Redis at one moment. None: Redis did not answer."""

    depth: int | None = None
    oldest_seconds: float | None = None
    running: int | None = None
    dead: int | None = None


async def look(redis: Redis, queue: str) -> Sample:
    """A sample of dramatiq's keys; never raises because of Redis."""
    key = f"{NAMESPACE}:{queue}"
    try:
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.llen(key)
            pipeline.hlen(f"{key}.msgs")
            pipeline.lindex(key, 0)
            pipeline.zcard(f"{key}.XQ")
            depth, messages, oldest, dead = await pipeline.execute()
        raw = await redis.hget(f"{key}.msgs", oldest) if oldest is not None else None
    except (RedisError, OSError):
        return Sample()
    return Sample(depth, _age_seconds(raw), max(0, messages - depth), dead)


def _age_seconds(message: bytes | str | None) -> float:
    """How long it has waited; 0 for none, and for one that is not ours to read."""
    if message is None:
        return 0.0
    try:
        queued_ms = msgspec.json.decode(message, type=StoredJob).queued_ms
    except msgspec.MsgspecError:
        return 0.0
    return max(0.0, time.time() - queued_ms / 1000)


async def sample(database: Database, redis: Redis) -> None:
    """Looks once and tells both. A figure nobody knows is absent from the metrics, not zero."""
    samples = {queue: await look(redis, queue) for queue in FAST_QUEUES}
    queues: list[Record] = []
    backends: list[Record] = []
    tasks: list[Record] = []
    try:
        async with connection(database) as raw:
            for queue, seen in samples.items():
                await raw.execute(_KEEP_SAMPLE, queue, seen.depth, seen.oldest_seconds, seen.running)
            queues = await raw.fetch(_QUEUE_FIGURES)
            backends = await raw.fetch(_BACKEND_FIGURES, _DEAD_MAX)
            tasks = await raw.fetch(_TASKS_OVERDUE)
    finally:
        _tell_queues(queues)
        _tell_backends(backends, samples)
        recurring_overdue_seconds.clear()
        for task in tasks:
            recurring_overdue_seconds.labels(task["name"]).set(task["overdue_seconds"])


def _tell_queues(rows: list[Record]) -> None:
    job_queue_depth.clear()
    job_queue_oldest_seconds.clear()
    for row in rows:
        if row["depth"] is not None:
            job_queue_depth.labels(row["backend"], row["queue"]).set(row["depth"])
            job_queue_oldest_seconds.labels(row["backend"], row["queue"]).set(row["oldest_seconds"])


def _tell_backends(rows: list[Record], samples: dict[str, Sample]) -> None:
    job_workers.clear()
    jobs_dead.clear()
    for row in rows:
        job_workers.labels(row["backend"]).set(row["workers"])
        if row["dead"] is not None:
            jobs_dead.labels(row["backend"]).set(row["dead"])
    dead = [seen.dead for seen in samples.values() if seen.dead is not None]
    if len(dead) == len(samples):
        jobs_dead.labels("fast").set(min(sum(dead), _DEAD_MAX))


async def keep_sampling(database: Database, redis: Redis) -> NoReturn:
    while True:
        try:
            await sample(database, redis)
        except DatabaseUnavailable:
            logger.debug("no sample: the database is away")
        await asyncio.sleep(_EVERY_SECONDS)
