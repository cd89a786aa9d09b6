"""The lines of a cart: which article, how many, at what price."""

from __future__ import annotations

from services.checkout.carts.carts import changing, view
from services.checkout.carts.facts import cart_facts
from services.checkout.carts.line_quotes import quotes_json
from services.checkout.errors import CartFull
from services.checkout.resources import Checkout
from services.checkout.shapes import Cart
from services.errors import NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "lines.sql")
_SET_LINE, _REMOVE_LINE = _SQL["set_line"], _SQL["remove_line"]

LINES_MAX = 100  # catalog quotes as many in one call


async def set_line(checkout: Checkout, cart_id: str, sku: str, quantity: int) -> Cart:
    """Puts `quantity` of an article into the cart, at the price it has now; 0 takes it out. More than is
    in stock is accepted, with a warning: only the order refuses. Raises NotFound (cart or article),
    CartAlreadyOrdered, CartFull, UpstreamUnavailable. Catalog is asked before the cart is locked."""
    if quantity == 0:
        return await _remove_line(checkout, cart_id, sku)
    quotes = await checkout.quotes.quote([sku])
    if sku not in quotes:
        raise NotFound("There is no such article")
    async with changing(checkout, cart_id) as raw:
        minutes = checkout.terms.quote_ttl_minutes
        if not await raw.fetchval(
            _SET_LINE, cart_id, quantity, quotes_json([quotes[sku]]), minutes, LINES_MAX
        ):
            raise CartFull(f"A cart holds at most {LINES_MAX} different articles")
        facts = await cart_facts(raw, cart_id)
    return await view(checkout, facts)


async def _remove_line(checkout: Checkout, cart_id: str, sku: str) -> Cart:
    async with changing(checkout, cart_id) as raw:
        await raw.execute(_REMOVE_LINE, cart_id, sku)
        facts = await cart_facts(raw, cart_id)
    return await view(checkout, facts)
