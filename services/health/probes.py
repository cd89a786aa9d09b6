"""How each dependency is looked at: one function per kind, all read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import httpx
from databases import Database
from redis.asyncio import Redis

from services.database import connection
from services.errors import DatabaseUnavailable
from services.health.monitor import Finding, Probe
from services.health.queues import queue
from services.queries import load_queries
from services.settings import HealthSettings

_SQL = load_queries(__file__, "probes.sql")
_SERVER_VERSION, _OUTSIDE_CALL = _SQL["server_version"], _SQL["outside_call"]

_FAILURES_TO_TELL = 2  # one lost call is the network's everyday life


def all_probes(
    settings: HealthSettings, database: Database, redis: Redis, http: httpx.AsyncClient
) -> list[Probe]:
    """Everything the shop stands on. The payment gateway and mail are never pinged: they tell how the
    last real calls went."""
    return [
        Probe("database", True, _database(database)),
        Probe("redis", False, _redis(redis)),
        Probe("queue.durable", False, queue(database, settings, "durable")),
        Probe("queue.fast", False, queue(database, settings, "fast")),
        Probe("catalog", True, _service(http, settings.catalog_ready_url)),
        Probe("checkout", True, _service(http, settings.checkout_ready_url)),
        Probe("jobs", False, _service(http, settings.jobs_ready_url)),
        Probe("storefront", True, _service(http, settings.storefront_ready_url)),
        Probe("payment_gateway", False, _outside_call(database, settings, "payment_gateway")),
        Probe("mail", False, _outside_call(database, settings, "mail")),
    ]


def _database(database: Database) -> Callable[[], Awaitable[Finding]]:
    async def look() -> Finding:
        async with connection(database) as raw:
            row = await raw.fetchrow(_SERVER_VERSION)
        assert row is not None
        detail = {"version": row["version"], "in_recovery": row["in_recovery"]}
        return Finding("degraded" if row["in_recovery"] else "ok", detail)

    return look


def _redis(redis: Redis) -> Callable[[], Awaitable[Finding]]:
    async def look() -> Finding:
        info = await redis.info()
        detail = {
            "version": info.get("valkey_version") or info["redis_version"],
            "used_memory_bytes": info["used_memory"],
            "clients": info["connected_clients"],
        }
        return Finding("degraded" if info.get("loading") else "ok", detail)

    return look


def _service(http: httpx.AsyncClient, url: str) -> Callable[[], Awaitable[Finding]]:
    async def look() -> Finding:
        answer = await http.get(url)
        detail = {"state": answer.text.strip()[:200]}
        return Finding("ok" if answer.status_code == 200 else "down", detail)

    return look


def _outside_call(
    database: Database, settings: HealthSettings, name: str
) -> Callable[[], Awaitable[Finding]]:
    """Ok until the last two calls failed, also when nobody ever called. Without an answer from the
    database, or before the migration that makes the table, nobody knows: degraded, never down."""
    patience_seconds = settings.health_timeout_seconds * 0.4  # for the connection, and for its answer

    async def look() -> Finding:
        try:
            async with connection(database, patience_seconds) as raw:
                row = await raw.fetchrow(_OUTSIDE_CALL, name, timeout=patience_seconds)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            return Finding("degraded", {"error": f"unknown: {type(error).__name__}"})
        if row is None:
            return Finding("degraded", {"error": "unknown: no such row"})
        return Finding("degraded" if row["failures"] >= _FAILURES_TO_TELL else "ok", dict(row))

    return look
