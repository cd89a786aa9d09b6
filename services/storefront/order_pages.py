"""An order's page, from the payment to the last parcel. Its address is the key to it, so no cache and
no crawler may keep it and no other site learns it."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp

from services.decode import Input, Nothing
from services.errors import NotFound
from services.internal_client import UpstreamConflict
from services.operations import Call, operation
from services.storefront.carts import carried_by
from services.storefront.checkout_client import Order
from services.storefront.content_security import payment_policy
from services.storefront.forms import form, see_other
from services.storefront.order_stages import Stage, look_again_seconds, mark_of, stage_of
from services.storefront.rendering import private_page
from services.storefront.shop import Shop

B = TypeVar("B", bound=msgspec.Struct)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")


class Progress(msgspec.Struct, frozen=True):
    """`mark` changes when the page would show something else; `waiting`: it is worth asking again."""

    mark: str
    waiting: bool


class CancelForm(Input, frozen=True):
    """`to`: `cart` when the shopper wants to change what was ordered."""

    to: str = ""


async def order(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    shop = call.resources
    order = await _order(call)
    stage = stage_of(order)
    html = shop.templates.html(
        "order.html",
        await shop.navigation.tree_if_any(),
        order=order,
        stage=stage,
        mark=mark_of(order),
        look_again_seconds=look_again_seconds(order),
    )
    page = private_page(html, policy=payment_policy(order.payment) if stage is Stage.PAY else None)
    if not order.is_unpaid and await carried_by(shop, call.request, order.token):
        shop.cart_cookie.follow(page, call.request, None)  # bought: a new cart begins
    return page


async def order_progress(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    """What the page asks in the background."""
    order = await _order(call)
    progress = Progress(mark_of(order), look_again_seconds(order) > 0)
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(progress), headers=headers, media_type="application/json")


async def cancel(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    """Asks whether it is meant."""
    shop = call.resources
    order = await _order(call)
    if not order.can_cancel:
        return see_other(f"/orders/{order.token}")
    html = shop.templates.html("order_cancel.html", await shop.navigation.tree_if_any(), order=order)
    return private_page(html)


async def cancel_order(call: Call[Shop, Nothing, CancelForm]) -> ASGIApp:
    """Calls it off, if that is still possible; the order's page says what came of it. Who only wants to
    change the cart does not mean an order that was paid meanwhile."""
    order = await _order(call)
    to_cart = call.body.to == "cart"
    if order.is_unpaid or not to_cart:
        try:
            order = await call.resources.checkout.cancel_order(order.token)
        except UpstreamConflict:
            return see_other(f"/orders/{order.token}")
    return see_other("/cart" if to_cart and order.status == "cancelled" else f"/orders/{order.token}")


async def _order(call: Call[Shop, Nothing, B]) -> Order:
    """Raises NotFound, also for what no token looks like."""
    token = call.path("token")
    if not _TOKEN.fullmatch(token):
        raise NotFound()
    return await call.resources.checkout.order(token)


OPERATIONS = [
    operation(
        "GET", "/orders/{token}", order, "One order, from payment to parcel", page=True, admission="reserved"
    ),
    operation("GET", "/orders/{token}/progress", order_progress, "Whether its page has changed", page=True),
    operation("GET", "/orders/{token}/cancel", cancel, "Asks whether to cancel it", page=True),
    form("/orders/{token}/cancel", cancel_order, "Cancels it", CancelForm, "reserved"),
]
