"""The cart's page and its forms. Each form changes one thing and leads back to the page; one that is
refused shows the page at once, with the reason."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TypeVar

import msgspec
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from services.decode import Input, Nothing
from services.errors import Invalid, NotFound, ShopError
from services.internal_client import UpstreamConflict, UpstreamLimited
from services.operations import Call, operation
from services.storefront.carts import QUANTITY_MAX, cart_at_hand, stops_ordering, warning_words
from services.storefront.checkout_client import Cart
from services.storefront.forms import form, see_other
from services.storefront.rendering import private_page
from services.storefront.shop import Shop
from services.storefront.texts import text

B = TypeVar("B", bound=msgspec.Struct)

_SKU = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,64}")


class LineForm(Input, frozen=True):
    sku: str = ""
    quantity: str = "1"


class CodeForm(Input, frozen=True):
    code: str = ""


async def cart(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    return await _page(call, await cart_at_hand(call.resources, call.request))


async def add_line(call: Call[Shop, Nothing, LineForm]) -> ASGIApp:
    """More of an article; the cart is made when the first one comes."""
    shop, sku = call.resources, call.body.sku
    cart = await cart_at_hand(shop, call.request)
    more = _number(call.body.quantity)
    if not sku:
        return await _page(call, cart, 422, text("refusal.choose"))
    if not _SKU.fullmatch(sku):
        return await _page(call, cart, 422, text("refusal.not_sold"))
    if not more:
        return await _page(call, cart, 422, _number_words())
    if cart is not None and cart.order_token:
        return await _page(call, cart, 409, text("refusal.fixed"))
    if cart is None:
        cart = await shop.checkout.create_cart()
    return await _set(call, cart, sku, min(cart.quantity_of(sku) + more, QUANTITY_MAX))


async def set_line(call: Call[Shop, Nothing, LineForm]) -> ASGIApp:
    """An article's number as it shall be; 0 removes it."""
    cart = await cart_at_hand(call.resources, call.request)
    if cart is None or cart.quantity_of(call.body.sku) == 0:
        return see_other("/cart")
    quantity = _number(call.body.quantity)
    if quantity is None:
        return await _page(call, cart, 422, _number_words(), quantities={call.body.sku: call.body.quantity})
    return await _set(call, cart, call.body.sku, quantity)


async def _set(call: Call[Shop, Nothing, LineForm], cart: Cart, sku: str, quantity: int) -> ASGIApp:
    try:
        cart = await call.resources.checkout.set_line(cart.id, sku, quantity)
    except NotFound:
        return await _page(call, cart, 422, text("refusal.not_sold"))
    except Invalid as error:
        return await _page(call, cart, 422, _words_of(error))
    except UpstreamConflict as conflict:
        return await _refused(call, cart, conflict)
    return _back(call, cart)


async def set_discount(call: Call[Shop, Nothing, CodeForm]) -> ASGIApp:
    shop, code = call.resources, call.body.code.strip()
    cart = await cart_at_hand(shop, call.request)
    if cart is None:
        return see_other("/cart")
    if not code:
        return await _page(call, cart, 422, code_error=text("refusal.code_missing"))
    try:
        cart = await shop.checkout.set_discount(cart.id, code)
    except (Invalid, NotFound, UpstreamConflict, UpstreamLimited) as error:
        return await _code_refused(call, cart, error)
    return _back(call, cart)


async def _code_refused(call: Call[Shop, Nothing, CodeForm], cart: Cart, error: ShopError) -> ASGIApp:
    code = call.body.code.strip()
    if isinstance(error, UpstreamLimited):
        key = "refusal.too_many_codes" if error.problem == "too-many-codes" else "refusal.too_fast"
        words = text(key, wait=timedelta(seconds=error.wait_seconds))
        page = await _page(call, cart, 429, code=code, code_error=words)
        page.headers["Retry-After"] = str(error.wait_seconds)
        return page
    if not isinstance(error, UpstreamConflict):
        return await _page(call, cart, 422, code=code, code_error=text("refusal.code_unknown"))
    if error.problem == "discount-ended":
        return await _page(call, cart, 409, code=code, code_error=text("refusal.code_ended"))
    return await _refused(call, cart, error)


async def remove_discount(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    cart = await cart_at_hand(call.resources, call.request)
    if cart is None:
        return see_other("/cart")
    try:
        cart = await call.resources.checkout.remove_discount(cart.id)
    except UpstreamConflict as conflict:
        return await _refused(call, cart, conflict)
    return _back(call, cart)


async def _refused(call: Call[Shop, Nothing, B], cart: Cart, conflict: UpstreamConflict) -> ASGIApp:
    if conflict.problem == "cart-already-ordered":
        return await _page(call, await cart_at_hand(call.resources, call.request), 409, text("refusal.fixed"))
    if conflict.problem == "out-of-stock":
        return await _page(call, cart, 409, text("refusal.out_of_stock"))
    return await _page(call, cart, 409, text("refusal.any_other"))


def _back(call: Call[Shop, Nothing, B], cart: Cart) -> ASGIApp:
    answer = see_other("/cart")
    call.resources.cart_cookie.follow(answer, call.request, cart)
    return answer


async def _page(
    call: Call[Shop, Nothing, B],
    cart: Cart | None,
    status: int = 200,
    refusal: str = "",
    *,
    quantities: dict[str, str] | None = None,
    code: str = "",
    code_error: str = "",
) -> HTMLResponse:
    """`quantities` and `code` are what was typed and could not be taken."""
    shop = call.resources
    html = shop.templates.html(
        "cart.html",
        await shop.navigation.tree_if_any(),
        cart=cart,
        warnings=[warning_words(warning, cart) for warning in cart.warnings] if cart else [],
        can_order=cart is not None and not stops_ordering(cart),
        refusal=refusal,
        quantities=quantities or {},
        code=code,
        code_error=code_error,
    )
    answer = private_page(html, status)
    shop.cart_cookie.follow(answer, call.request, cart)
    return answer


def _number(text: str) -> int | None:
    """A number of articles as typed, from 0 to QUANTITY_MAX; None for what is none."""
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    return number if 0 <= number <= QUANTITY_MAX else None


def _number_words() -> str:
    return text("refusal.quantity", most=QUANTITY_MAX)


def _words_of(error: Invalid) -> str:
    fields = {wrong.field for wrong in error.errors}
    return _number_words() if "quantity" in fields else text("refusal.not_sold")


OPERATIONS = [
    operation("GET", "/cart", cart, "What the shopper has gathered", page=True),
    form("/cart/lines", add_line, "Puts an article into the cart", LineForm),
    form("/cart/quantity", set_line, "Sets an article's number", LineForm),
    form("/cart/discount", set_discount, "Applies a discount code", CodeForm),
    form("/cart/discount/remove", remove_discount, "Takes the discount code off"),
]
