"""Everything the shop stands on, and how each of it is looked at: read-only, one function per kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
import httpx
from databases import Database
from redis.asyncio import Redis

from services.errors import DatabaseUnavailable
from services.health import certificate, disks, migrations
from services.health.asking import rows_of, whole_seconds
from services.health.monitor import Finding, Probe
from services.health.queues import queue
from services.health.redis_look import redis_server
from services.health.replicas import replicas
from services.queries import load_queries
from services.settings import HealthSettings, QueueSettings

_SQL = load_queries(__file__, "probes.sql")
_SERVER, _OUTSIDE_CALL = _SQL["server"], _SQL["outside_call"]
# As many as look into PostgreSQL: one that waited for another's connection would tell of that, not of it.
DATABASE_PROBES = 6

_FAILURES_TO_TELL = 2  # one lost call is the network's everyday life
_CONNECTIONS_USED_MAX = 0.9
_SETTLED_SECONDS = 0.2


def all_probes(
    settings: HealthSettings,
    queues: QueueSettings,
    public_url: str,
    database: Database,
    redis: Redis,
    http: httpx.AsyncClient,
) -> list[Probe]:
    """The payment gateway and mail are never pinged: they tell how the last real calls went."""
    seconds = settings.health_timeout_seconds
    in_database, of_replicas = whole_seconds(seconds), 2 * seconds + _SETTLED_SECONDS

    def asks(name: str, look: Callable[[], Awaitable[Finding]], *, critical: bool = False) -> Probe:
        return Probe(name, critical, look, timeout_seconds=in_database)

    def service(name: str, urls: str, *, critical: bool) -> Probe:
        return Probe(name, critical, replicas(http, urls, seconds), timeout_seconds=of_replicas)

    applied = migrations.migrations(database, seconds)
    room_seconds = (settings.disk_paths.count(",") + 1) * seconds + _SETTLED_SECONDS
    found = [
        asks("database", _database(database, seconds), critical=True),
        Probe("redis", False, redis_server(redis), timeout_seconds=seconds),
        asks("queue.durable", queue(database, seconds, queues, "durable")),
        asks("queue.fast", queue(database, seconds, queues, "fast")),
        service("catalog", settings.catalog_ready_url, critical=True),
        service("checkout", settings.checkout_ready_url, critical=True),
        service("jobs", settings.jobs_ready_url, critical=False),
        service("storefront", settings.storefront_ready_url, critical=True),
        asks("payment_gateway", _outside_call(database, seconds, "payment_gateway")),
        asks("mail", _outside_call(database, seconds, "mail")),
        Probe("migrations", False, applied, migrations.EVERY_SECONDS, in_database),
        Probe("disk", False, disks.disks(settings), disks.EVERY_SECONDS, room_seconds),
    ]
    if public_url.startswith("https://"):
        ends = certificate.certificate(settings, public_url)
        found.append(
            Probe("certificate", False, ends, certificate.EVERY_SECONDS, certificate.TIMEOUT_SECONDS)
        )
    return found


def _database(database: Database, seconds: float) -> Callable[[], Awaitable[Finding]]:
    async def look() -> Finding:
        [row] = await rows_of(database, seconds, _SERVER)
        reasons = []
        if row["in_recovery"] or row["read_only"]:
            reasons.append("it takes no writes: in recovery, or read-only")
        if row["connections"] >= row["connections_max"] * _CONNECTIONS_USED_MAX:
            reasons.append(f"{row['connections']} of {row['connections_max']} connections are in use")
        return Finding("degraded" if reasons else "ok", {**row, "reasons": reasons})

    return look


def _outside_call(database: Database, seconds: float, name: str) -> Callable[[], Awaitable[Finding]]:
    """Ok until the last two calls failed, also when nobody ever called. Without an answer from the
    database, or before the migration that makes the table, nobody knows: degraded, never down."""

    async def look() -> Finding:
        try:
            rows = await rows_of(database, seconds, _OUTSIDE_CALL, name)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            kind = type(error).__name__
            return Finding("degraded", {"error": f"unknown: {kind}"}, kind)
        if not rows:
            return Finding("degraded", {"error": "unknown: no such row"})
        row = rows[0]
        failing = row["failures"] >= _FAILURES_TO_TELL
        return Finding("degraded" if failing else "ok", dict(row), row["error"] if failing else None)

    return look
