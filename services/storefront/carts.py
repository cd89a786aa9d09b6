"""The cart that a browser carries, and what is to be said of it."""

from __future__ import annotations

from hmac import compare_digest

from starlette.requests import Request

from services.errors import NotFound
from services.storefront.checkout_client import Cart, CartLine, CartWarning
from services.storefront.shop import Shop
from services.storefront.texts import text

QUANTITY_MAX = 999


async def cart_at_hand(shop: Shop, request: Request) -> Cart | None:
    """The browser's cart; None when it carries none, an unknown one, or one that was bought: then
    another begins. One whose order is not paid yet is still at hand. Raises UpstreamUnavailable."""
    cart_id = shop.cart_cookie.cart_id(request)
    if cart_id is None:
        return None
    try:
        cart = await shop.checkout.cart(cart_id)
        if cart.order_token is not None:
            order = await shop.checkout.order(cart.order_token)
            return cart if order.is_unpaid else None
    except NotFound:
        return None
    return cart


async def carried_by(shop: Shop, request: Request, token: str) -> bool:
    """Whether the browser's cart is the one that became the order `token`."""
    cart_id = shop.cart_cookie.cart_id(request)
    if cart_id is None:
        return False
    try:
        ordered_as = (await shop.checkout.cart(cart_id)).order_token or ""
        return compare_digest(ordered_as.encode(), token.encode())
    except NotFound:
        return True  # carts are swept away in time; then it need not be carried on


def warning_words(warning: CartWarning, cart: Cart) -> str:
    """A warning as the shop says it."""
    title = cart.title_of(warning.sku)
    line = next((line for line in cart.lines if line.sku == warning.sku), None)
    match warning.code:
        case "price_changed" if line is not None and warning.was is not None:
            return text("warning.price_changed", title=title, before=warning.was, now=line.price)
        case "out_of_stock" if line is not None:
            return _short_words(line)
        case "not_sold":
            return text("warning.not_sold", title=title)
        case "discount_ended":
            return text("warning.discount_ended")
        case "not_delivered":
            return text("warning.not_delivered")
    return text("warning.any_other")


def _short_words(line: CartLine) -> str:
    if line.availability == "sold_out":
        return text("warning.sold_out", title=line.title)
    return text("warning.too_many", title=line.title, quantity=line.quantity)


def stops_ordering(cart: Cart) -> bool:
    """Whether a line has to be mended first."""
    return any(warning.code in ("out_of_stock", "not_sold") for warning in cart.warnings)
