"""Whether the work gets done: a backend's queues, its workers, and the clock of the recurring tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from asyncpg import Record
from databases import Database

from services.health.asking import rows_of
from services.health.monitor import Finding
from services.queries import load_queries
from services.settings import QueueSettings

_QUEUE_HEALTH = load_queries(__file__, "queues.sql")["queue_health"]

_OVERDUE_AFTER_SECONDS = 120.0


def queue(
    database: Database, seconds: float, settings: QueueSettings, backend: str
) -> Callable[[], Awaitable[Finding]]:
    """Degraded when nobody works a queue, when there are fewer workers than WORKERS_EXPECTED, when its oldest
    ready job is too old, when a recurring task is overdue, and when the figures are unknown (null): nobody
    could take them. A paused queue may be as old as it likes. One round trip."""
    expected = expected_workers(settings.workers_expected)[backend]

    async def look() -> Finding:
        rows = await rows_of(database, seconds, _QUEUE_HEALTH, backend, _OVERDUE_AFTER_SECONDS)
        return judge(rows, settings.job_oldest_seconds_max, expected)

    return look


def expected_workers(told: str) -> dict[str, int]:
    """`durable=2,fast=1` by backend."""
    return {name: int(count) for name, _, count in (one.partition("=") for one in told.split(","))}


def judge(rows: Sequence[Record], oldest_seconds_max: float, workers_expected: int = 1) -> Finding:
    """`rows`: one per queue. The detail tells the figures of all of them together, and every reason."""
    known = bool(rows) and all(row["depth"] is not None for row in rows)
    workers = max((row["workers"] for row in rows), default=0)
    reasons = list(_reasons(rows, oldest_seconds_max))
    if 0 < workers < workers_expected:
        reasons.insert(0, f"{workers} of {workers_expected} workers")
    detail = {
        "depth": sum(row["depth"] for row in rows) if known else None,
        "oldest_seconds": max(row["oldest_seconds"] or 0 for row in rows) if known else None,
        "workers": workers,
        "workers_expected": workers_expected,
        "paused": [row["queue"] for row in rows if row["paused"]],
        "reasons": reasons,
    }
    return Finding("degraded" if reasons else "ok", detail)


def _reasons(rows: Sequence[Record], oldest_seconds_max: float) -> Iterator[str]:
    """A queue that is empty and that no worker knows may be what an earlier release left behind."""
    if not any(row["workers"] for row in rows):
        yield "no workers"
    for row in rows:
        name, depth = row["queue"], row["depth"]
        if depth is None:
            yield f"queue {name}: its figures are unknown"
            continue
        if depth and not row["workers"] and any(other["workers"] for other in rows):
            yield f"queue {name}: no workers"
        if depth and not row["paused"] and row["oldest_seconds"] > oldest_seconds_max:
            yield f"queue {name}: the oldest job has waited for {row['oldest_seconds']:.0f} s"
    if rows:
        for task in rows[0]["overdue"]:
            yield f"recurring task {task}: overdue"
