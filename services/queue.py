"""How a service asks for work to be done later, by the actor's name; actors live in `jobs` alone.

`enqueue()` stores a durable job in PostgreSQL on the caller's own connection: it commits or rolls
back with the caller's data. `FastQueue` hands a job to Redis, for work that may be lost: it never
raises, never blocks the event loop, and does what the job's owner declared when Redis is away.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import asyncpg
import msgspec
from databases import Database
from prometheus_client import Counter

from services.database import Connection, connection
from services.errors import DatabaseUnavailable
from services.queries import load_queries
from services.redis_client import RedisClient
from services.request_context import current_request
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.queue")

_SQL = load_queries(__file__, "queue.sql")
_ENQUEUE, _ENQUEUE_LIMITED = _SQL["enqueue"], _SQL["enqueue_limited"]

# What dramatiq's RedisBroker calls its keys; `NAMESPACE:QUEUE` lists the ids, `.msgs` holds the messages.
NAMESPACE = "dramatiq"

Policy = Literal["drop", "spill", "inline"]
Fate = Literal["queued", "spilled", "dropped", "inline", "inline_failed"]

_SPILL_SECONDS = 1.0
jobs_displaced_total = Counter(
    "jobs_displaced_total",
    "Fast jobs that Redis could not take: spilled, dropped, run inline, or failed at that (inline_failed)",
    ["actor", "fate"],
)


async def enqueue(
    connection: Connection | asyncpg.Connection[asyncpg.Record],
    actor: str,
    *args: Any,
    queue: str = "default",
    run_at: datetime | None = None,
    unique_key: str | None = None,
    priority: int = 0,
    concurrency_key: str | None = None,
    concurrency_max: int = 1,
) -> uuid.UUID:
    """Stores a job for `actor` (such as `catalog.refresh_availability`) and returns its id. `args` are
    anything msgspec turns into JSON. `run_at` is the earliest time, `priority` lower first. With a
    `unique_key` the job that already waits under it is returned instead of a second one; its arguments
    stay. Of a `concurrency_key` at most `concurrency_max` jobs run at a time. Statements that do more at
    once call the SQL functions `jobs.enqueue()` and `jobs.enqueue_many()` themselves."""
    request = current_request.get()
    values = (
        actor,
        msgspec.json.encode(args).decode(),
        queue,
        run_at,
        unique_key,
        priority,
        request and request.request_id,
        request and request.traceparent,
    )
    limit = () if concurrency_key is None else (concurrency_key, concurrency_max)
    job_id: uuid.UUID = await connection.fetchval(_ENQUEUE_LIMITED if limit else _ENQUEUE, *values, *limit)
    return job_id


@dataclass(frozen=True, slots=True)
class FastJob:
    """A kind of job for Redis, declared beside the use case that wants it. When Redis is away it is dropped;
    or spilled: stored as a durable job of the same actor; or run inline, at once in the caller's process:
    `inline(*args)`, for at most `inline_seconds`. What runs inline holds its caller up, so it is quick."""

    actor: str
    when_redis_is_away: Policy
    queue: str = "default"
    inline: Callable[..., Awaitable[None]] | None = None
    inline_seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.when_redis_is_away == "inline" and self.inline is None:
            raise ValueError(f"{self.actor}: what is to be run inline?")


def queue_url(settings: RedisSettings) -> str:
    """REDIS_QUEUE_URL, or else database 1 of REDIS_URL: the queue shares no database with the cache."""
    if settings.redis_queue_url:
        return settings.redis_queue_url
    address, _, query = settings.redis_url.partition("?")
    # redis-py lets `db` in the query win over the path, and knows it for sockets too.
    return f"{address}?{urlencode({**dict(parse_qsl(query)), 'db': '1'})}"


class _QueueClient(RedisClient):
    async def push(self, queue: str, message_id: str, message: bytes) -> bool:
        """Writes what `RedisBroker.enqueue` writes, atomically. False when Redis is away or refuses.

        Its own call would block the loop, wait for redis-py's patience, and enter every web process
        among the workers' heartbeats; `tests/test_queue.py` holds the two together."""

        async def write() -> bool:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(f"{NAMESPACE}:{queue}.msgs", message_id, message)
                pipeline.rpush(f"{NAMESPACE}:{queue}", message_id)
                await pipeline.execute()
            return True

        return await self._ask(write, False) is True


class FastQueue:
    """The way to Redis for jobs. `spill_to` is where jobs of the policy `spill` go without it."""

    def __init__(self, settings: RedisSettings, spill_to: Database | None = None) -> None:
        self._redis = _QueueClient(msgspec.structs.replace(settings, redis_url=queue_url(settings)), "queue")
        self._spill_to = spill_to

    async def enqueue(self, job: FastJob, *args: Any) -> Fate:
        """Hands the job over within REDIS_REQUEST_BUDGET_SECONDS, or follows its policy; tells which. Never
        raises. An answer that came too late may mean that Redis has the job besides."""
        message_id = str(uuid.uuid4())
        try:
            message = fast_message(message_id, job.actor, args, job.queue)
        except (TypeError, ValueError):
            logger.exception("no JSON", extra={"facts": {"actor": job.actor}})
            return self._displaced(job, "dropped")
        if await self._redis.push(job.queue, message_id, message):
            return "queued"
        if job.when_redis_is_away == "spill" and await self._spill(job, args):
            return self._displaced(job, "spilled")
        if job.inline is not None and job.when_redis_is_away == "inline":
            done = await _run_inline(job.actor, job.inline, args, job.inline_seconds)
            return self._displaced(job, "inline" if done else "inline_failed")
        return self._displaced(job, "dropped")

    async def close(self) -> None:
        await self._redis.close()

    async def _spill(self, job: FastJob, args: tuple[Any, ...]) -> bool:
        if self._spill_to is None:
            return False
        try:
            async with asyncio.timeout(_SPILL_SECONDS), connection(self._spill_to) as raw:
                await enqueue(raw, job.actor, *args, queue=job.queue)
        except (DatabaseUnavailable, TimeoutError):
            return False
        except asyncpg.PostgresError:
            logger.exception("not spilled", extra={"facts": {"actor": job.actor}})
            return False
        return True

    @staticmethod
    def _displaced(job: FastJob, fate: Fate) -> Fate:
        jobs_displaced_total.labels(job.actor, fate).inc()
        return fate


async def _run_inline(
    actor: str, work: Callable[..., Awaitable[None]], args: tuple[Any, ...], seconds: float
) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await work(*args)
    except Exception:
        logger.exception("failed inline", extra={"facts": {"actor": actor}})
        return False
    return True


def fast_message(
    message_id: str, actor: str, args: Sequence[Any], queue: str, eta_ms: int | None = None
) -> bytes:
    """A message in dramatiq's JSON form (`dramatiq.Message`, version 2); with an `eta_ms` (UNIX) one for the
    delayed jobs of the queue. Raises TypeError or ValueError for what JSON can't say."""
    request = current_request.get()
    options: dict[str, Any] = {"redis_message_id": message_id}
    if request is not None:
        options["request_id"] = request.request_id
    if eta_ms is not None:
        options["eta"] = eta_ms
    message = {
        "queue_name": queue if eta_ms is None else f"{queue}.DQ",
        "actor_name": actor,
        "args": args,
        "kwargs": {},
        "options": options,
        "message_id": message_id,
        "message_timestamp": int(time.time() * 1000),
    }
    return msgspec.json.encode(message)
