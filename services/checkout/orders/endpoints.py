"""The shopper's order: placed, followed, called off."""

from __future__ import annotations

from services.checkout.errors import (
    CartAlreadyOrdered,
    CartEmpty,
    CartIncomplete,
    DiscountEnded,
    InFlight,
    KeyMissing,
    KeyReused,
    NotCancellable,
    OutOfStock,
    PricesExpired,
    StockBusy,
    TooManyDeclines,
    TooManyOrders,
    TotalChanged,
)
from services.checkout.idempotency import fingerprint_of, optional_key, required_key
from services.checkout.orders import orders
from services.checkout.orders.shapes import Order, PlacedOrder, PlaceOrder
from services.checkout.payments import payments
from services.checkout.resources import Checkout
from services.decode import Nothing
from services.operations import Call, operation


async def post_order(call: Call[Checkout, Nothing, PlaceOrder]) -> PlacedOrder:
    """First the commit, then at most PAYMENT_TIMEOUT_SECONDS for the gateway. Without its word the order
    stands all the same, its payment `preparing`, and the job goes on."""
    checkout, key = call.resources, required_key(call.request)
    fingerprint = fingerprint_of(call.request, call.body)
    placed = await orders.place_order(checkout, call.path("id"), key, fingerprint, call.body)
    if placed.to_open is not None:
        await payments.open_payment_soon(checkout, placed.to_open)
    return await orders.placed_order(checkout, placed.order_id)


async def get_order(call: Call[Checkout, Nothing, Nothing]) -> Order:
    return await orders.order_by_token(call.resources, call.path("token"))


async def cancel_order(call: Call[Checkout, Nothing, Nothing]) -> Order:
    """Cancelling is the same the second time, so a key changes nothing; only a wrong one is refused."""
    optional_key(call.request)
    token = call.path("token")
    await orders.cancel_order(call.resources, token)
    return await orders.order_by_token(call.resources, token)


OPERATIONS = [
    operation(
        "POST",
        "/api/checkout/carts/{id}/order",
        post_order,
        "Order the cart: reserves stock, creates order and payment",
        admission="reserved",
        body=PlaceOrder,
        body_required=False,
        idempotency_key="required",
        answer=PlacedOrder,
        status=201,
        problems=(
            OutOfStock,
            CartAlreadyOrdered,
            CartEmpty,
            CartIncomplete,
            PricesExpired,
            TotalChanged,
            DiscountEnded,
            InFlight,
            KeyMissing,
            KeyReused,
            StockBusy,
            TooManyDeclines,
            TooManyOrders,
        ),
    ),
    operation(
        "GET",
        "/api/checkout/orders/{token}",
        get_order,
        "Follow an order",
        answer=Order,
        admission="reserved",  # its payment is told here, too
    ),
    operation(
        "POST",
        "/api/checkout/orders/{token}/cancel",
        cancel_order,
        "Call an order off",
        admission="reserved",
        idempotency_key="accepted",
        answer=Order,
        problems=(NotCancellable,),
    ),
]
