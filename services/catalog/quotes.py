"""What checkout may sell, and for how much: straight from the database, because the price in the
answer is the price a shopper pays."""

from __future__ import annotations

from collections.abc import Sequence

from databases import Database

from services.database import connection
from services.queries import load_queries

_QUOTES = load_queries(__file__, "quotes.sql")["quotes"]


async def quotes_json(
    database: Database, skus: Sequence[str], currency: str, timeout_seconds: float
) -> bytes:
    """The JSON of `shapes.Quotes`, built by PostgreSQL: one item per SKU that a published product has,
    the others left out. Raises DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        text = await raw.fetchval(_QUOTES, list(skus), currency)
    return str(text).encode()
