"""What /health says while real servers are frozen, full or read-only, and that it recovers by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio as aioredis

from ops.local.postgres import TemporaryPostgres
from ops.local.valkey import TemporaryValkey
from services.health.app import service
from tests.conftest import in_process
from tests.freezing import frozen
from tests.health.doors import nobody_in_haste
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio
IN_HASTE = {"HEALTH_TIMEOUT_SECONDS": "0.8"}  # for what is frozen: all else is looked at with patience


@asynccontextmanager
async def _health(environment: Callable[..., None], **variables: object) -> AsyncIterator[httpx.AsyncClient]:
    environment(**{"HEALTH_INTERVAL_SECONDS": 0.1, **nobody_in_haste(), **variables})
    async with in_process(service) as client:
        yield client


async def _becomes(health: httpx.AsyncClient, name: str, status: str, seconds: float = 60) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        answer = await health.get(f"/health?check={name}", headers={"X-Entry": "internal"})
        found.update(answer.json()["checks"][name])
        return bool(found["status"] == status)

    await wait_until_async(is_so, f"{name} is {status}", seconds)
    return found


async def test_a_frozen_postgresql_is_down_with_since_and_last_ok_and_comes_back(
    own_postgres: TemporaryPostgres, environment: Callable[..., None]
) -> None:
    async with _health(environment, **IN_HASTE, DATABASE_URL=own_postgres.url) as health:
        well = await _becomes(health, "database", "ok")
        await _becomes(health, "mail", "ok")
        with frozen(own_postgres.pid):
            down = await _becomes(health, "database", "down")
            assert down["since"] > well["since"]
            assert down["last_ok"] <= down["since"]
            assert down["error"] == "TimeoutError"
            await _becomes(health, "queue.durable", "down")
            await _becomes(health, "mail", "degraded")
        for name in ("database", "mail", "migrations"):
            await _becomes(health, name, "ok")


async def test_a_database_that_takes_no_writes_is_degraded(
    database_url: str, owner: asyncpg.Connection[asyncpg.Record], environment: Callable[..., None]
) -> None:
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with _health(environment, DATABASE_URL=database_url) as health:
        check = await _becomes(health, "database", "degraded")
        assert check["detail"]["reasons"] == ["it takes no writes: in recovery, or read-only"]


async def test_a_migration_that_is_missing_is_named(
    database_url: str, owner: asyncpg.Connection[asyncpg.Record], environment: Callable[..., None]
) -> None:
    await owner.execute("DELETE FROM checkout.schema_migrations WHERE version = '0004'")
    await owner.execute("INSERT INTO catalog.schema_migrations VALUES ('9999')")
    async with _health(environment, DATABASE_URL=database_url) as health:
        check = await _becomes(health, "migrations", "degraded")
    assert check["detail"]["reasons"] == ["checkout lacks 0004"]
    assert check["detail"]["newest"]["catalog"] == "9999"


async def test_redis_frozen_is_down_and_comes_back(
    own_valkey: TemporaryValkey, database_url: str, environment: Callable[..., None]
) -> None:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": own_valkey.url}
    async with _health(environment, **IN_HASTE, **urls) as health:
        await _becomes(health, "redis", "ok")
        with frozen(own_valkey.pid):
            assert (await _becomes(health, "redis", "down"))["error"] == "TimeoutError"
        await _becomes(health, "redis", "ok")


async def test_redis_that_is_full_says_so_and_a_cache_that_evicts_is_well(
    own_valkey: TemporaryValkey, database_url: str, environment: Callable[..., None]
) -> None:
    async with (
        aioredis.Redis.from_url(own_valkey.url) as redis,
        _health(environment, DATABASE_URL=database_url, REDIS_URL=own_valkey.url) as health,
    ):
        await _becomes(health, "redis", "ok")
        await redis.config_set("maxmemory-policy", "volatile-lru")
        await redis.config_set("maxmemory", "1mb")
        full = await _becomes(health, "redis", "degraded")
        assert "its memory is full and nothing in it may be evicted" in full["detail"]["reasons"][0]
        await redis.config_set("maxmemory-policy", "allkeys-lru")
        await _becomes(health, "redis", "ok")


async def test_redis_that_is_a_replica_takes_no_writes(
    own_valkey: TemporaryValkey, database_url: str, environment: Callable[..., None]
) -> None:
    async with (
        aioredis.Redis.from_url(own_valkey.url) as redis,
        _health(environment, DATABASE_URL=database_url, REDIS_URL=own_valkey.url) as health,
    ):
        await redis.replicaof("127.0.0.1", "1")
        check = await _becomes(health, "redis", "degraded")
        assert check["detail"]["reasons"] == ["it is a replica: it takes no writes"]
