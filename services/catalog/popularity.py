"""How popular products are: what shoppers have looked at in the last days. Among what a search finds equally
well, and among suggestions, the popular come first (schema/0001_products.sql)."""

from __future__ import annotations

import time

from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "popularity.sql")

# Long enough that a shop with few visitors has an order, short enough to follow the season.
DAYS = 30
_BATCH, _FORGET_BATCH = 500, 2000
_BUDGET_SECONDS = 240.0


async def rank(database: Database, *, batch: int = _BATCH) -> int:
    """Gives every product the popularity of the last DAYS days and forgets older views, batch by batch, for a
    bounded time. Without any view in those days nothing changes: then nobody has counted. Bears being called
    again. Returns how many products changed. Raises DatabaseUnavailable."""
    deadline = time.monotonic() + _BUDGET_SECONDS
    changed = 0
    async with connection(database) as raw:
        last = 0 if await raw.fetchval(_SQL["anything_seen"], DAYS) else None
    while last is not None and time.monotonic() < deadline:
        async with connection(database) as raw:
            row = await raw.fetchrow(_SQL["rank_batch"], last, batch, DAYS)
        assert row is not None
        last, changed = row["last"], changed + row["changed"]
    await _forget(database, deadline)
    return changed


async def _forget(database: Database, deadline: float) -> None:
    forgotten = _FORGET_BATCH
    while forgotten == _FORGET_BATCH and time.monotonic() < deadline:
        async with connection(database) as raw:
            forgotten = await raw.fetchval(_SQL["forget_days"], DAYS, _FORGET_BATCH)
