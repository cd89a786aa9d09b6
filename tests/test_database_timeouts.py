"""No session of any process waits for ever: each says to PostgreSQL how long it is willing to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from databases import Database

from services.catalog.app import service as catalog
from services.checkout.app import service as checkout
from services.database import connection
from services.jobs.app import service as jobs
from services.jobs.worker_resources import DurableResources
from services.lifecycle import Lifecycle
from services.settings import (
    CacheSettings,
    DatabaseSettings,
    ProcessSettings,
    RedisSettings,
    StoreSettings,
)

_LIMITS = "SELECT name, setting::int FROM pg_settings WHERE name LIKE '%\\_timeout' AND context = 'user'"


@pytest.fixture
async def pools(database_url: str, environment: Callable[..., None]) -> AsyncIterator[dict[str, Database]]:
    """One of each kind of process, by its name and role."""
    environment(
        DATABASE_URL=database_url,
        DATABASE_STATEMENT_TIMEOUT_SECONDS="7",
        DATABASE_LOCK_TIMEOUT_SECONDS="3",
    )
    settings, data = ProcessSettings.read(), DatabaseSettings.read()
    async with AsyncExitStack() as opened:
        found = {}
        for service in (catalog, checkout, jobs):
            resources = await opened.enter_async_context(service.resources(settings, Lifecycle(started=True)))
            found[service.name] = resources.database
        worker = DurableResources(
            settings, data, RedisSettings.read(), CacheSettings.read(), StoreSettings.read()
        )
        await opened.enter_async_context(worker.open())
        found |= {
            "worker as catalog": worker.catalog,
            "worker as checkout": worker.checkout.database,
            "worker as jobs": worker.jobs.database,
        }
        yield found


async def test_every_pool_limits_statements_locks_and_idle_transactions(pools: dict[str, Database]) -> None:
    for name, database in pools.items():
        async with connection(database, timeout_seconds=20) as raw:  # and so takes nothing off
            limits = {row["name"]: row["setting"] for row in await raw.fetch(_LIMITS)}
        assert limits["statement_timeout"] == 7000, name
        assert limits["lock_timeout"] == 3000, name
        assert limits["idle_in_transaction_session_timeout"] == 14000, name
