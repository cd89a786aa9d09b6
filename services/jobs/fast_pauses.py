"""Paused fast queues. PostgreSQL has the truth. A copy in Redis stops the next fetch at once, and a counter
beside it makes workers look within half a second, to put back what they have fetched and not begun. A word
that was lost is made good with the heartbeat; while PostgreSQL is away the last known state holds."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NoReturn

import asyncpg
from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.database import connection
from services.errors import DatabaseUnavailable
from services.jobs.fast_broker import FastBroker
from services.jobs.fast_keys import PAUSED, STEERED
from services.jobs.fast_shelves import text_of
from services.queries import load_queries

logger = logging.getLogger("kiosk.jobs")

_SQL = load_queries(__file__, "fast_pauses.sql")
_PAUSED_QUEUES, _SET_PAUSED = _SQL["paused_queues"], _SQL["set_paused"]
_LOOK_SECONDS = 0.5


async def set_paused(database: Database, queue: str, *, paused: bool) -> None:
    """Raises DatabaseUnavailable."""
    async with connection(database) as raw:
        await raw.execute(_SET_PAUSED, queue, paused)


async def tell_workers(redis: Redis, queue: str, *, paused: bool) -> None:
    """What `set_paused` stored; they see it at once. Raises what redis-py raises."""
    async with redis.pipeline(transaction=True) as pipeline:
        if paused:
            pipeline.sadd(PAUSED, queue)
        else:
            pipeline.srem(PAUSED, queue)
        pipeline.incr(STEERED)
        await pipeline.execute()


async def paused_queues(database: Database) -> frozenset[str]:
    """Raises DatabaseUnavailable."""
    async with connection(database) as raw:
        return frozenset(row["name"] for row in await raw.fetch(_PAUSED_QUEUES))


async def follow_pauses(
    broker: FastBroker, database: Database, redis: Redis, every_seconds: float
) -> NoReturn:
    """Keeps `broker.paused` up to date."""
    heard, look_again = await _last_word(redis), 0.0
    while True:
        word = await _last_word(redis)
        if word != heard or time.monotonic() >= look_again:
            try:
                broker.paused = await paused_queues(database)
                heard, look_again = word, time.monotonic() + every_seconds
                await _copy(redis, broker.paused)
            except (DatabaseUnavailable, asyncpg.PostgresError):
                logger.debug("pauses not read")
        await asyncio.sleep(_LOOK_SECONDS)


async def _copy(redis: Redis, paused: frozenset[str]) -> None:
    """Makes good what was lost with Redis, or on the way to it."""
    try:
        copied = {text_of(name) for name in await redis.smembers(PAUSED)}
        if copied == paused:
            return
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(PAUSED)
            if paused:
                pipeline.sadd(PAUSED, *paused)
            await pipeline.execute()
    except (RedisError, OSError):
        logger.debug("pauses not copied")


async def _last_word(redis: Redis) -> object:
    try:
        return await redis.get(STEERED)
    except (RedisError, OSError):
        return None
