"""What checkout forgets: carts nobody came back to, keys and events nobody repeats any more.

Each call deletes one batch of at most `limit` and says how many that were: fewer than `limit` means
that nothing is left. Rows that somebody is working on are passed over. Raises DatabaseUnavailable.
"""

from __future__ import annotations

from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "sweeping.sql")
_SWEEP_CARTS, _SWEEP_IDEMPOTENCY_KEYS, _SWEEP_WEBHOOK_EVENTS = (
    _SQL["sweep_carts"],
    _SQL["sweep_idempotency_keys"],
    _SQL["sweep_webhook_events"],
)

# Stripe keeps its own for a day (https://docs.stripe.com/api/idempotent_requests); a weekend is on top.
KEY_DAYS = 3
BATCH = 500
# Stripe repeats an event for three days (https://docs.stripe.com/webhooks#retries); the rest is for
# whoever has to find out what happened.
EVENT_DAYS = 90


async def sweep(database: Database) -> None:
    """One batch of everything."""
    await sweep_carts(database, BATCH)
    await sweep_idempotency_keys(database, BATCH)
    await sweep_webhook_events(database, BATCH)
    await sweep_limits(database, BATCH)
    await sweep_declines(database, BATCH)


async def sweep_carts(database: Database, limit: int) -> int:
    """Deletes carts that have expired and have no living order."""
    return await _sweep(database, _SWEEP_CARTS, limit)


async def sweep_idempotency_keys(database: Database, limit: int) -> int:
    """Deletes keys older than KEY_DAYS."""
    return await _sweep(database, _SWEEP_IDEMPOTENCY_KEYS, limit, KEY_DAYS)


async def sweep_webhook_events(database: Database, limit: int) -> int:
    """Deletes events older than EVENT_DAYS."""
    return await _sweep(database, _SWEEP_WEBHOOK_EVENTS, limit, EVENT_DAYS)


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
