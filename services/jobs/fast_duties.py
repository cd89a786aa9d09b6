"""What a fast worker does beside its jobs: it follows the pauses of its queues, and notes failures in their
groups. Neither holds a job up while PostgreSQL or Redis is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NoReturn

import asyncpg
from databases import Database
from redis.exceptions import RedisError

from services.errors import DatabaseUnavailable
from services.jobs.failures import note_failures
from services.jobs.fast_broker import FastBroker
from services.jobs.fast_pauses import follow_pauses, paused_queues
from services.queue import queue_url
from services.redis_client import connect
from services.service import background
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.jobs")

_AT_ONCE = 200


@asynccontextmanager
async def fast_duties(
    broker: FastBroker, database: Database, settings: RedisSettings, release: str, every_seconds: float
) -> AsyncIterator[None]:
    """Around the work. The pauses are read once before it begins."""
    redis = connect(queue_url(settings), settings)
    try:
        broker.paused = await paused_queues(database)
    except DatabaseUnavailable:
        logger.warning("pauses not known yet")
    try:
        async with background(
            partial(follow_pauses, broker, database, redis, every_seconds),
            partial(_keep_noting, broker, database, release, every_seconds),
        ):
            yield
    finally:
        await note(broker, database, release)
        try:
            await redis.aclose()
        except (RedisError, OSError):  # it is gone anyway
            logger.debug("redis was away at close")


async def note(broker: FastBroker, database: Database, release: str) -> None:
    """Enters the failures so far into their groups, or keeps them for the next time."""
    while broker.failures:
        some = [broker.failures.popleft() for _ in range(min(_AT_ONCE, len(broker.failures)))]
        try:
            await note_failures(database, "fast", release, some)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            logger.debug("failures not noted", extra={"facts": {"why": repr(error)}})
            broker.failures.extendleft(reversed(some))
            return


async def _keep_noting(
    broker: FastBroker, database: Database, release: str, every_seconds: float
) -> NoReturn:
    while True:
        await asyncio.sleep(every_seconds)
        await note(broker, database, release)
