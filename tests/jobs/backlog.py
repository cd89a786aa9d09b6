"""Jobs that lie about in a state, for what looks at them and steers them. Nobody knows their actors, so they
stay where they are put."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.jobs.backend import BackendName, NewJob
from services.jobs.fast_keys import QueueKeys
from services.jobs.resources import Jobs, jobs_of
from services.jobs.staff.who import Who
from services.settings import DatabaseSettings, ProcessSettings, RedisSettings

ADA = Who("ada", "operator", "token")
_DEAD = """
    INSERT INTO jobs.jobs
      (queue, actor, args, state, finished_at, attempt, failures, error_class, error_message)
    SELECT 'default', $2, jsonb_build_array(n), 'dead', now() - interval '1 minute', 1, 1,
           'ValueError', 'out of tea'
    FROM generate_series(1, $1) n
    RETURNING id::text
"""


async def dead_jobs(owner: Any, number: int, actor: str = "tests.nobody") -> list[str]:
    """Durable jobs that died a minute ago."""
    return [row["id"] for row in await owner.fetch(_DEAD, number, actor)]


async def ready_jobs(jobs: Jobs, backend: BackendName, number: int, actor: str = "tests.nobody") -> list[str]:
    return await jobs.backend(backend).enqueue_many([NewJob(actor=actor, args=[n]) for n in range(number)])


async def dead_fast_jobs(jobs: Jobs, number: int, actor: str = "tests.nobody") -> list[str]:
    """Jobs in Redis that died a minute ago, laid down as dramatiq does."""
    ids, keys = await ready_jobs(jobs, "fast", number, actor), QueueKeys("default")
    died_ms = time.time() * 1000 - 60_000
    async with jobs.redis.pipeline(transaction=True) as pipeline:
        for job_id, message in zip(ids, await jobs.redis.hmget(keys.messages, ids), strict=True):
            pipeline.hset(keys.dead_messages, job_id, message)
        pipeline.zadd(keys.dead, dict.fromkeys(ids, died_ms))
        pipeline.hdel(keys.messages, *ids)
        pipeline.delete(keys.ready)
        await pipeline.execute()
    return ids


async def states(owner: Any, actor: str = "tests.nobody") -> dict[str, int]:
    """How many durable jobs of an actor are in which state."""
    rows = await owner.fetch("SELECT state, count(*) FROM jobs.jobs WHERE actor = $1 GROUP BY state", actor)
    return {row["state"]: row["count"] for row in rows}


@asynccontextmanager
async def open_backends(name: str = "test") -> AsyncIterator[Jobs]:
    """Both backends, where the environment says they are."""
    made = jobs_of(
        DatabaseSettings.read(), RedisSettings.read(), ProcessSettings.read(), pool_max=4, name=name
    )
    async with made.open() as jobs:
        yield jobs
