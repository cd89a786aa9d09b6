"""What checkout forgets: carts nobody came back to, keys and events nobody repeats any more.

Each call deletes one batch of at most `limit` and says how many that were: fewer than `limit` means
that nothing is left. Rows that somebody is working on are passed over. Raises DatabaseUnavailable.
"""

from __future__ import annotations

import time

from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "sweeping.sql")

# Stripe keeps its own for a day (https://docs.stripe.com/api/idempotent_requests); a weekend is on top.
# Those of refunds and parcels are kept for good: a script that is run again a week later must not give
# money back twice.
KEY_DAYS = 3
BATCH = 500
# Stripe repeats an event for three days (https://docs.stripe.com/webhooks#retries); the rest is for
# whoever has to find out what happened.
EVENT_DAYS = 90
# An order has all that it needs of its cart. Until then whoever orders the cart again is told of the order.
ORDERED_CART_DAYS = 90
_BUDGET_SECONDS = 240.0


async def sweep(database: Database) -> bool:
    """One batch of everything; whether more may be left."""
    swept = [
        await sweep_carts(database, BATCH),
        await sweep_ordered_carts(database, BATCH),
        await sweep_idempotency_keys(database, BATCH),
        await sweep_webhook_events(database, BATCH),
        await sweep_limits(database, BATCH),
        await sweep_declines(database, BATCH),
    ]
    return BATCH in swept


async def sweep_all(database: Database) -> None:
    """Batch after batch until nothing is left, for a bounded time."""
    deadline = time.monotonic() + _BUDGET_SECONDS
    more = True
    while more and time.monotonic() < deadline:
        more = await sweep(database)


async def sweep_carts(database: Database, limit: int) -> int:
    """Deletes carts that have expired and have no living order."""
    return await _sweep(database, _SQL["sweep_carts"], limit)


async def sweep_ordered_carts(database: Database, limit: int) -> int:
    """Deletes carts that were ordered and have expired ORDERED_CART_DAYS ago, with email and address."""
    return await _sweep(database, _SQL["sweep_ordered_carts"], limit, ORDERED_CART_DAYS)


async def sweep_idempotency_keys(database: Database, limit: int) -> int:
    """Deletes keys of carts and orders that are older than KEY_DAYS."""
    return await _sweep(database, _SQL["sweep_idempotency_keys"], limit, KEY_DAYS)


async def sweep_webhook_events(database: Database, limit: int) -> int:
    """Deletes events older than EVENT_DAYS."""
    return await _sweep(database, _SQL["sweep_webhook_events"], limit, EVENT_DAYS)


async def sweep_limits(database: Database, limit: int) -> int:
    """Deletes counters whose window is over."""
    return await _sweep(database, _SQL["sweep_limits"], limit)


async def sweep_declines(database: Database, limit: int) -> int:
    """Deletes the charges of declines older than EVENT_DAYS."""
    return await _sweep(database, _SQL["sweep_declines"], limit, EVENT_DAYS)


async def _sweep(database: Database, statement: str, *arguments: int) -> int:
    async with connection(database) as raw:
        swept: int = await raw.fetchval(statement, *arguments)
    return swept
