"""What the jobs service works with: in its web process, in its command line, and in the durable worker,
where bulk actions run."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from databases import Database
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.database import open_database, role_url
from services.errors import NotFound
from services.jobs.backend import BackendName, JobBackend
from services.jobs.dashboard.pulse import Pulse
from services.jobs.durable_backend import DurableBackend
from services.jobs.fast_backend import FastBackend
from services.limits.limiter import Limiter
from services.queue import queue_url
from services.redis_client import connect
from services.settings import DatabaseSettings, ProcessSettings, RedisSettings

logger = logging.getLogger("kiosk.jobs")

# Nobody waits for a batch of a bulk action, but its transaction waits for Redis.
_BATCH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Jobs:
    """`redis` is the queue's own database, reached with the request path's time limits; `pulse` is what all
    pages and live figures of the process share; `limiter` is the web process's."""

    database: Database
    redis: Redis
    backends: Mapping[BackendName, JobBackend]
    public_url: str
    pulse: Pulse = field(default_factory=Pulse)
    limiter: Limiter | None = None

    def backend(self, name: str) -> JobBackend:
        """Raises NotFound for a name that is none."""
        for known, backend in self.backends.items():
            if known == name:
                return backend
        raise NotFound()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Jobs]:
        """Neither server has to be there: both are reached when they are asked."""
        await self.database.connect()
        try:
            yield self
        finally:
            try:
                await self.redis.aclose()
            except (RedisError, OSError):  # it is gone anyway
                logger.debug("redis was away at close")
            await self.database.disconnect()


def jobs_of(
    data: DatabaseSettings, redis: RedisSettings, process: ProcessSettings, *, pool_max: int, name: str
) -> Jobs:
    database = open_database(role_url(data, "jobs"), data, pool_max=pool_max, name=name)
    client = connect(queue_url(redis), redis)
    backends: dict[BackendName, JobBackend] = {
        "durable": DurableBackend(database),
        "fast": FastBackend(client, database, budget_seconds=redis.redis_request_budget_seconds),
    }
    return Jobs(database, client, backends, process.public_url)


def with_patience(redis: RedisSettings) -> RedisSettings:
    """Time limits for work that nobody waits for."""
    return msgspec.structs.replace(
        redis, redis_timeout_seconds=_BATCH_SECONDS, redis_connect_timeout_seconds=_BATCH_SECONDS
    )
