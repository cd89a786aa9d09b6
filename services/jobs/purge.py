"""What the job tables forget: finished jobs by age, runs of recurring tasks, statistics.

Each deletes batch by batch, every batch in a statement of its own: it holds few rows for a moment, and a
worker that dies on the way leaves whole batches done. One call deletes for a bounded time; what is left
goes with the next one. Raises DatabaseUnavailable.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "purge.sql")
_PURGE_JOBS, _PURGE_RUNS, _PURGE_STATISTICS = (
    _SQL["purge_jobs"],
    _SQL["purge_runs"],
    _SQL["purge_statistics"],
)

BATCH = 2000
_BUDGET_SECONDS = 240.0
_FAILED = ("dead", "crashed", "discarded")
_THE_BEGINNING = datetime.min.replace(tzinfo=UTC)


async def purge_jobs(
    database: Database, keep_done_hours: int, keep_failed_days: int, *, batch: int = BATCH
) -> int:
    """Deletes jobs that were done so many hours ago, or failed for good, crashed or were discarded so many
    days ago, and runs of recurring tasks after 30 days. Returns how many jobs went."""
    deadline = time.monotonic() + _BUDGET_SECONDS
    done_seconds, failed_seconds = keep_done_hours * 3600, keep_failed_days * 86400
    deleted = await _purge_ended(database, deadline, "done", done_seconds, batch)
    for state in _FAILED:
        deleted += await _purge_ended(database, deadline, state, failed_seconds, batch)
    await _purge(database, deadline, _PURGE_RUNS, batch)
    return deleted


async def purge_statistics(database: Database, *, batch: int = BATCH) -> int:
    """Deletes counts per minute after 3 hours, per ten minutes after 3 days, per hour after 90 days; returns
    how many rows went."""
    return await _purge(database, time.monotonic() + _BUDGET_SECONDS, _PURGE_STATISTICS, batch)


async def _purge_ended(database: Database, deadline: float, state: str, keep_seconds: int, batch: int) -> int:
    deleted, last, since = 0, batch, _THE_BEGINNING
    while last == batch and time.monotonic() < deadline:
        async with connection(database) as raw:
            row = await raw.fetchrow(_PURGE_JOBS, state, keep_seconds, batch, since)
        assert row is not None
        last, since = row["deleted"], row["until"] or since
        deleted += last
    return deleted


async def _purge(database: Database, deadline: float, statement: str, batch: int) -> int:
    """Batch by batch, until one is not full or the time is up."""
    deleted, last = 0, batch
    while last == batch and time.monotonic() < deadline:
        async with connection(database) as raw:
            last = await raw.fetchval(statement, batch)
        deleted += last
    return deleted
