"""Throughput, failures and latency over an hour, a day or a week, of both backends.

It reads a few thousand small rows however many jobs there were.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from asyncpg import Record
from databases import Database

from services.database import connection
from services.jobs.backend import BackendName
from services.jobs.statistics.histogram import BUCKETS_MAX, percentile_ms
from services.queries import load_queries


def _sums_of(column: re.Match[str]) -> str:
    return "ARRAY[" + ", ".join(f"sum({column[1]}[{bucket}])" for bucket in range(1, BUCKETS_MAX + 1)) + "]"


_OVERVIEW = re.sub(r"SUMS_OF\((\S+)\)(?= AS)", _sums_of, load_queries(__file__, "overview.sql")["overview"])

Window = Literal["1h", "24h", "7d"]
# Seconds per point, and how many points.
_SCALES: dict[Window, tuple[int, int]] = {"1h": (60, 60), "24h": (600, 144), "7d": (3600, 168)}


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The attempts that ended in the interval that begins at `at`. `failed`: raised, for good or not, or
    crashed. Times in milliseconds; None: none ended."""

    at: datetime
    done: int = 0
    failed: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p95_wait_ms: float | None = None


class ActorTotal(msgspec.Struct, frozen=True, kw_only=True):
    """One actor over the whole window. `count`: attempts, failures among them."""

    backend: BackendName
    actor: str
    count: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """`points` has every interval, oldest first; the last one is not over yet. `actors`: busiest first."""

    window: Window
    resolution_seconds: int
    points: list[Point]
    actors: list[ActorTotal]


async def overview(
    database: Database, window: Window, backend: BackendName | None = None, actor: str | None = None
) -> Series:
    """Of all jobs, or of one backend or one actor. One round trip. Raises DatabaseUnavailable."""
    seconds, count = _SCALES[window]
    async with connection(database) as raw:
        rows = await raw.fetch(_OVERVIEW, seconds, count, backend, actor)
    points = {row["at"]: _point(row) for row in rows if row["at"] is not None}
    until: datetime = rows[0]["until"]
    times = [until - timedelta(seconds=seconds * back) for back in reversed(range(count))]
    return Series(
        window=window,
        resolution_seconds=seconds,
        points=[points.get(at) or Point(at=at) for at in times],
        actors=[_actor_total(row) for row in rows if row["actor"] is not None],
    )


def _point(row: Record) -> Point:
    durations, waits = _histogram(row, "durations"), _histogram(row, "waits")
    return Point(
        at=row["at"],
        done=row["done"],
        failed=row["failed"],
        p50_ms=percentile_ms(durations, 0.5),
        p95_ms=percentile_ms(durations, 0.95),
        p95_wait_ms=percentile_ms(waits, 0.95),
    )


def _actor_total(row: Record) -> ActorTotal:
    durations = _histogram(row, "durations")
    return ActorTotal(
        backend=row["backend"],
        actor=row["actor"],
        count=row["done"] + row["failed"],
        failures=row["failed"],
        p50_ms=percentile_ms(durations, 0.5),
        p95_ms=percentile_ms(durations, 0.95),
    )


def _histogram(row: Record, of: str) -> list[int]:
    return [count or 0 for count in row[of]]
