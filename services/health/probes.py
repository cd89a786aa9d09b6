"""How each dependency is looked at: one function per kind, all read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
from databases import Database
from redis.asyncio import Redis

from services.database import connection
from services.health.monitor import Finding, Probe
from services.queries import load_queries
from services.settings import HealthSettings

_SQL = load_queries(__file__, "probes.sql")
_SERVER_VERSION, _QUEUE_HEALTH = _SQL["server_version"], _SQL["queue_health"]


def all_probes(
    settings: HealthSettings, database: Database, redis: Redis, http: httpx.AsyncClient
) -> list[Probe]:
    """Everything the shop stands on. The payment gateway and mail are never asked: they will tell how
    the last real calls went."""
    return [
        Probe("database", True, _database(database)),
        Probe("redis", False, _redis(redis)),
        Probe("queue.durable", False, _queue(database, "durable")),
        Probe("queue.fast", False, _queue(database, "fast")),
        Probe("catalog", True, _service(http, settings.catalog_ready_url)),
        Probe("checkout", True, _service(http, settings.checkout_ready_url)),
        Probe("jobs", False, _service(http, settings.jobs_ready_url)),
        Probe("storefront", True, _service(http, settings.storefront_ready_url)),
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


def _queue(database: Database, backend: str) -> Callable[[], Awaitable[Finding]]:
    """Degraded without a worker, and when the figures are unknown (null): nobody could take them."""

    async def look() -> Finding:
        async with connection(database) as raw:
            rows = [row for row in await raw.fetch(_QUEUE_HEALTH) if row["backend"] == backend]
        known = bool(rows) and all(row["depth"] is not None for row in rows)
        workers = max((row["workers"] for row in rows), default=0)
        detail = {
            "depth": sum(row["depth"] for row in rows) if known else None,
            "oldest_seconds": max(row["oldest_seconds"] or 0 for row in rows) if known else None,
            "workers": workers,
        }
        return Finding("ok" if known and workers else "degraded", detail)

    return look
