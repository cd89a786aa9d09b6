"""What should have come to an end and has not: orders unpaid for too long, payments that nobody looks
at, refunds that nobody sends.

Each has a job that sees to it, and hardly ever loses it: when an operator discards it, or when workers
died with it in their hands three times. Then it is given another here. A job that is still there stays
the only one, so this may run as often as anybody likes.
"""

from __future__ import annotations

from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "stragglers.sql")
_REMINDERS = (_SQL["orders"], _SQL["payments"], _SQL["refunds"])
_AT_ONCE_MAX = 100


async def remind(database: Database) -> None:
    """Gives the oldest of each kind a job, at most 100. Raises DatabaseUnavailable. Three round trips:
    each statement commits by itself, so that it holds few jobs' rows at a time, in a fixed order."""
    for statement in _REMINDERS:
        async with connection(database) as raw:
            await raw.fetch(statement, _AT_ONCE_MAX)
