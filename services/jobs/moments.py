"""The times that jobs are looked up by: none before the first, none after the last."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def within_times(moment: datetime) -> datetime:
    """The moment, or the end that it lies beyond: its zone may carry it out of all years, and then
    asyncpg can't send it."""
    return max(min(moment, LATEST), EARLIEST)
