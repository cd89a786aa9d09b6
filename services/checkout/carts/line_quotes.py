"""Prices in carts: each holds for QUOTE_TTL_MINUTES, then catalog is asked again.

A price that has changed from one quote to the next is told (`price_changed`) as long as the newer
quote holds, or until the line is set again at that price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from services.checkout.carts.quotes import Quote
from services.database import Connection
from services.queries import load_queries

_TAKE_OVER = load_queries(__file__, "line_quotes.sql")["take_over"]


async def take_over(
    connection: Connection,
    cart_id: str,
    asked: Sequence[str],
    quotes: Mapping[str, Quote],
    ttl_minutes: int,
) -> None:
    """Puts what catalog said into the cart; what was asked for and is missing in `quotes` is no longer
    sold. One round trip, which waits for whoever changes the cart."""
    await connection.execute(_TAKE_OVER, cart_id, list(asked), quotes_json(quotes.values()), ttl_minutes)


def quotes_json(quotes: Iterable[Quote]) -> str:
    """Quotes as the statements take them: the argument of `checkout.quoted()`."""
    return msgspec.json.encode(list(quotes)).decode()
