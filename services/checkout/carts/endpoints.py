"""The cart over HTTP."""

from __future__ import annotations

from services.checkout.carts import carts, shipping
from services.checkout.carts import details as cart_details
from services.checkout.carts import discount as cart_discount
from services.checkout.carts import lines as cart_lines
from services.checkout.errors import CartAlreadyOrdered, CartFull, InFlight, KeyReused, TooManyCodes
from services.checkout.idempotency import fingerprint_of, optional_key
from services.checkout.resources import Checkout
from services.checkout.shapes import (
    Cart,
    Countries,
    OpenCart,
    SetDetails,
    SetDiscount,
    SetLine,
    ShippingMethods,
    ShippingQuery,
)
from services.decode import Nothing
from services.errors import NotFound, UpstreamUnavailable
from services.operations import Call, operation
from services.request_context import current_request

_CART = "/api/checkout/carts/{id}"


async def open_cart(call: Call[Checkout, Nothing, OpenCart]) -> Cart:
    return await carts.open_cart(call.resources, optional_key(call.request), _fingerprint(call))


def _fingerprint(call: Call[Checkout, Nothing, OpenCart]) -> str:
    """A cart's id is the key to it, and some choose poor idempotency keys: theirs must not open their
    cart to another address."""
    context = current_request.get()
    address = (context and context.client_address) or ""
    return f"{fingerprint_of(call.request, call.body)} {address}"


async def get_cart(call: Call[Checkout, Nothing, Nothing]) -> Cart:
    return await carts.read_cart(call.resources, call.path("id"))


async def put_line(call: Call[Checkout, Nothing, SetLine]) -> Cart:
    cart_id, sku = call.path("id"), call.path("sku")
    return await cart_lines.set_line(call.resources, cart_id, sku, call.body.quantity)


async def put_discount(call: Call[Checkout, Nothing, SetDiscount]) -> Cart:
    return await cart_discount.use_discount(call.resources, call.path("id"), call.body.code)


async def delete_discount(call: Call[Checkout, Nothing, Nothing]) -> Cart:
    return await cart_discount.drop_discount(call.resources, call.path("id"))


async def put_details(call: Call[Checkout, Nothing, SetDetails]) -> Cart:
    return await cart_details.set_details(call.resources, call.path("id"), call.body)


async def get_shipping_methods(call: Call[Checkout, ShippingQuery, Nothing]) -> ShippingMethods:
    return await shipping.methods_for_cart(call.resources, call.path("id"), call.query.country)


async def get_countries(call: Call[Checkout, Nothing, Nothing]) -> Countries:
    return await shipping.countries(call.resources)


OPERATIONS = [
    operation(
        "GET", "/api/checkout/countries", get_countries, "Where the shop delivers to", answer=Countries
    ),
    operation(
        "POST",
        "/api/checkout/carts",
        open_cart,
        "Open an empty cart; its id is the key to it",
        body=OpenCart,
        body_required=False,
        idempotency_key="accepted",
        answer=Cart,
        status=201,
        problems=(NotFound, KeyReused, InFlight),
    ),
    operation("GET", _CART, get_cart, "A cart with what it costs", answer=Cart),
    operation(
        "PUT",
        _CART + "/lines/{sku}",
        put_line,
        "Set how many of an article are wanted; 0 removes it",
        body=SetLine,
        answer=Cart,
        problems=(CartAlreadyOrdered, CartFull, UpstreamUnavailable),
    ),
    operation(
        "PUT",
        _CART + "/discount",
        put_discount,
        "Use a discount code",
        body=SetDiscount,
        answer=Cart,
        problems=(CartAlreadyOrdered, TooManyCodes),
    ),
    operation(
        "DELETE",
        _CART + "/discount",
        delete_discount,
        "Use no discount code",
        answer=Cart,
        problems=(CartAlreadyOrdered,),
    ),
    operation(
        "PUT",
        _CART + "/details",
        put_details,
        "Set who buys, where it goes, and how",
        body=SetDetails,
        admission="reserved",
        answer=Cart,
        problems=(CartAlreadyOrdered,),
    ),
    operation(
        "GET",
        _CART + "/shipping-methods",
        get_shipping_methods,
        "The ways to ship this cart",
        query=ShippingQuery,
        admission="reserved",
        answer=ShippingMethods,
    ),
]
