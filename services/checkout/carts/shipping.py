"""The ways a cart can travel, and where to."""

from __future__ import annotations

import msgspec

from services.checkout.resources import Checkout
from services.checkout.shapes import Countries, ShippingMethods
from services.database import connection
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "shipping.sql")
_METHODS_FOR_CART, _COUNTRIES = _SQL["methods_for_cart"], _SQL["countries"]


async def methods_for_cart(checkout: Checkout, cart_id: str, country: str | None) -> ShippingMethods:
    """The ways to ship this cart to `country`, or to its own address; none where we don't deliver to.
    Raises NotFound, and Invalid where neither is known; one round trip."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_METHODS_FOR_CART, cart_id, country)
    if row is None:
        raise NotFound("There is no such cart; it may have expired")
    if row["country"] is None:
        raise Invalid([FieldError("country", "is required until the cart has an address")])
    return msgspec.json.decode(row["methods"], type=ShippingMethods)


async def countries(checkout: Checkout) -> Countries:
    """Where the shop delivers to."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        return Countries(await raw.fetchval(_COUNTRIES))
