"""The checkout: one form for who, where and how, and the button that orders.

The order goes through only for the total that was shown, and once for each form, however often it
is sent: its hidden key is the order's Idempotency-Key. Whatever stands in the way brings the form
back with all that was typed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from services.decode import Nothing
from services.errors import Invalid, Unavailable
from services.internal_client import UpstreamConflict
from services.operations import Call, operation
from services.storefront.carts import cart_at_hand, warning_words
from services.storefront.checkout_client import Cart, Shipping
from services.storefront.checkout_form import CheckoutForm, form_of
from services.storefront.checkout_totals import checkout_totals
from services.storefront.formatting import countries_in_order
from services.storefront.forms import form, see_other
from services.storefront.navigation import Tree
from services.storefront.ordering import OrderPrevented, ordered
from services.storefront.rendering import private_page
from services.storefront.shop import Shop


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the shop delivers to, and what carries the cart to the chosen country."""

    countries: list[tuple[str, str]]
    methods: list[Shipping]

    def chosen(self, code: str) -> Shipping | None:
        """The method of this code, or the first one: something is always chosen where there is a choice."""
        return next((m for m in self.methods if m.code == code), next(iter(self.methods), None))


async def checkout(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    cart = await _cart_to_order(call.resources, call.request)
    return see_other(cart) if isinstance(cart, str) else await _page(call.resources, cart, form_of(cart))


async def send_checkout(call: Call[Shop, Nothing, CheckoutForm]) -> ASGIApp:
    """`action=order` orders; any other only shows the form anew, with the ways of shipping there are.
    When checkout does not answer, the form is kept: sent once more, it still orders only once."""
    try:
        return await _sent(call)
    except Unavailable as error:
        return _away(call, error)


async def _sent(call: Call[Shop, Nothing, CheckoutForm]) -> ASGIApp:
    shop, filled = call.resources, call.body
    cart = await _cart_to_order(shop, call.request)
    if isinstance(cart, str):
        return see_other(cart)
    if filled.action != "order":
        return await _page(shop, await _saved_if_whole(shop, cart, filled), filled)
    try:
        return see_other(f"/orders/{await ordered(shop.checkout, cart, filled)}")
    except OrderPrevented as prevented:
        return await _brought_back(call, prevented)


async def _brought_back(call: Call[Shop, Nothing, CheckoutForm], prevented: OrderPrevented) -> ASGIApp:
    if prevented.order_token is not None:
        return see_other(f"/orders/{prevented.order_token}")
    cart = await _cart_to_order(call.resources, call.request)
    if isinstance(cart, str):
        return see_other(cart)
    filled = msgspec.structs.replace(call.body, key="") if prevented.new_key else call.body
    return await _page(call.resources, cart, filled, prevented)


async def _cart_to_order(shop: Shop, request: Request) -> Cart | str:
    """The cart, or where to go when there is nothing to order or it was ordered already."""
    cart = await cart_at_hand(shop, request)
    if cart is None or not cart.lines:
        return "/cart"
    return f"/orders/{cart.order_token}" if cart.order_token else cart


async def _saved_if_whole(shop: Shop, cart: Cart, filled: CheckoutForm) -> Cart:
    """Keeps the details in the cart when they are complete: then it knows its tax, and a shopper who
    looks at the cart again finds the form as it was."""
    try:
        return await shop.checkout.set_details(cart.id, filled.details)
    except (Invalid, UpstreamConflict):
        return cart


async def _delivery(shop: Shop, cart: Cart, country: str) -> Delivery:
    codes = await shop.checkout.countries()
    methods = await shop.checkout.shipping_methods(cart.id, country) if country in codes else []
    return Delivery(countries_in_order(codes), methods)


async def _page(
    shop: Shop, cart: Cart, filled: CheckoutForm, prevented: OrderPrevented | None = None
) -> ASGIApp:
    tree, delivery = await asyncio.gather(
        shop.navigation.tree_if_any(), _delivery(shop, cart, filled.country)
    )
    method = delivery.chosen(filled.shipping_method)
    html = shop.templates.html(
        "checkout.html",
        tree,
        cart=cart,
        form=filled,
        key=filled.order_key,
        delivery=delivery,
        method=method,
        totals=checkout_totals(cart, filled.country, method),
        warnings=[warning_words(warning, cart) for warning in cart.warnings],
        notice=prevented.words if prevented else "",
        mend_cart=prevented.mend_cart if prevented else False,
        errors=prevented.errors if prevented else {},
    )
    page = private_page(html, prevented.status if prevented else 200)
    if prevented and prevented.wait_seconds:
        page.headers["Retry-After"] = str(prevented.wait_seconds)
    return page


def _away(call: Call[Shop, Nothing, CheckoutForm], error: Unavailable) -> ASGIApp:
    shop = call.resources
    fields = msgspec.structs.asdict(msgspec.structs.replace(call.body, key=call.body.order_key))
    html = shop.templates.html("checkout_away.html", shop.navigation.kept or Tree(), fields=fields)
    page = private_page(html, 503)
    page.headers["Retry-After"] = str(error.retry_after_seconds)
    return page


OPERATIONS = [
    operation("GET", "/checkout", checkout, "The form that orders", page=True, admission="reserved"),
    form("/checkout", send_checkout, "Orders, or shows the ways of shipping", CheckoutForm, "reserved"),
]
