"""Carts: opened, read, and changed by one at a time.

Whoever changes a cart locks its row first. The order of locks is the same everywhere in checkout:
idempotency key, cart, order, discount, stock; so nobody waits in a circle.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.checkout.carts import line_quotes as cart_quotes
from services.checkout.carts.facts import CartFacts, cart_facts
from services.checkout.carts.view import view_of
from services.checkout.errors import CartAlreadyOrdered
from services.checkout.idempotency import claim
from services.checkout.resources import Checkout
from services.checkout.shapes import Cart
from services.database import Connection, connection, transaction
from services.errors import NotFound, UpstreamUnavailable
from services.queries import load_queries

_SQL = load_queries(__file__, "carts.sql")
_OPEN_CART, _TAKE_CART, _ORDER_TOKEN = _SQL["open_cart"], _SQL["take_cart"], _SQL["order_token"]

_ID_BYTES = 24
# A cart is worth showing with the prices it has; its reader waits 2 s in all.
_REFRESH_SECONDS = 0.8


async def open_cart(checkout: Checkout, key: str | None, fingerprint: str) -> Cart:
    """A new, empty cart; with a `key` that was used before, the cart of then. Raises KeyReused,
    InFlight, NotFound (the cart of then has expired)."""
    cart_id = secrets.token_urlsafe(_ID_BYTES)
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        earlier = await claim(raw, "cart", key, fingerprint, cart_id) if key else None
        if earlier is None:
            await raw.execute(_OPEN_CART, cart_id, checkout.store.currency, checkout.terms.cart_ttl_days)
        facts = await cart_facts(raw, earlier or cart_id)
    return await view(checkout, facts)


async def read_cart(checkout: Checkout, cart_id: str) -> Cart:
    """A cart with prices that hold. Raises NotFound; one round trip, unless prices have to be asked for."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        facts = await cart_facts(raw, cart_id)
    return await view(checkout, facts)


async def view(checkout: Checkout, facts: CartFacts) -> Cart:
    """The cart for the shopper. Prices whose time is over are asked for anew, in one call, and kept;
    while catalog is away the old ones are shown, and an order is refused until they are fresh."""
    if facts.stale_skus:
        facts = await _refreshed(checkout, facts)
    return view_of(facts, checkout.store.low_stock_level)


async def _refreshed(checkout: Checkout, facts: CartFacts) -> CartFacts:
    asked = facts.stale_skus
    try:
        async with asyncio.timeout(_REFRESH_SECONDS):
            quotes = await checkout.quotes.quote(asked)
    except (TimeoutError, UpstreamUnavailable):
        return facts
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await cart_quotes.take_over(raw, facts.id, asked, quotes, checkout.terms.quote_ttl_minutes)
        return await cart_facts(raw, facts.id)


@asynccontextmanager
async def changing(checkout: Checkout, cart_id: str) -> AsyncIterator[Connection]:
    """A transaction in which nobody else changes the cart; its time begins anew. Raises NotFound,
    CartAlreadyOrdered."""
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        cart = await raw.fetchrow(_TAKE_CART, cart_id, checkout.terms.cart_ttl_days)
        if cart is None:
            raise NotFound("There is no such cart; it may have expired")
        if cart["ordered_as"] is not None:
            raise CartAlreadyOrdered(token=await raw.fetchval(_ORDER_TOKEN, cart["ordered_as"]))
        yield raw
