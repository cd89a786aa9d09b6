"""An order's life but for its payment: placed, read, called off, expired."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from services.checkout.counts import count_order
from services.checkout.errors import NotCancellable
from services.checkout.limits import buyers
from services.checkout.orders.numbers import order_number
from services.checkout.orders.shapes import Order, PlacedOrder, PlaceOrder
from services.checkout.payments import following, payments
from services.checkout.refusals import refusals
from services.checkout.resources import Checkout
from services.database import connection, transaction
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries
from services.request_context import current_request

_SQL = load_queries(__file__, "orders.sql")
_PLACE, _PLACED, _ORDER = _SQL["place"], _SQL["placed"], _SQL["order"]
_TO_CANCEL, _END_UNPAID, _CANCEL_PAID = _SQL["to_cancel"], _SQL["end_unpaid"], _SQL["cancel_paid"]
_EXPIRED, _EXPIRE_IN_TIME = _SQL["expired"], _SQL["expire_in_time"]

_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of a request for an order. `to_open` waits for the gateway: the request that made the
    order opens it, a replay leaves it to the job."""

    order_id: uuid.UUID
    to_open: payments.Attempt | None


async def place_order(
    checkout: Checkout, cart_id: str, key: str, fingerprint: str, wish: PlaceOrder
) -> Placed:
    """Turns the cart into an order, once per key, in one statement. Raises NotFound and the
    conflicts of errors.py; KeyReused, InFlight; TooManyDeclines, TooManyOrders."""
    expected = wish.expected_total
    if expected is not None and expected.currency != checkout.store.currency:
        raise Invalid(
            [FieldError("expected_total.currency", f"this shop sells in {checkout.store.currency}")]
        )
    await buyers.admit_buyer(checkout, cart_id, key)
    request = current_request.get()
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        with refusals():
            row = await raw.fetchrow(
                _PLACE,
                cart_id,
                key,
                fingerprint,
                secrets.token_urlsafe(_TOKEN_BYTES),
                expected and expected.amount,
                checkout.terms.reservation_ttl_minutes,
                # The request opens the payment itself; the job is for when it could not.
                checkout.gateway.request_timeout_seconds + 2,
                checkout.gateway.provider,
                request and request.request_id,
                request and request.traceparent,
                *buyers.email_windows(checkout),
            )
    assert row is not None
    if not row["is_new"]:
        return Placed(row["order_id"], None)
    count_order("pending_payment")
    if row["total_minor"] == 0:
        count_order("paid")
        return Placed(row["order_id"], None)
    to_open = payments.Attempt(
        row["attempt_id"], 1, row["total_minor"], row["currency"], row["number"], datetime.now(UTC)
    )
    return Placed(row["order_id"], to_open)


async def placed_order(checkout: Checkout, order_id: uuid.UUID) -> PlacedOrder:
    """The answer to the request for an order, with the payment as it stands."""
    gateway = checkout.gateway
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        answer = await raw.fetchval(_PLACED, order_id, gateway.publishable_key, gateway.public_api_url)
    if answer is None:
        raise NotFound()
    return msgspec.json.decode(answer, type=PlacedOrder)


async def order_by_token(checkout: Checkout, token: str) -> Order:
    """Raises NotFound."""
    return await _order(checkout, token, None)


async def order_by_number(checkout: Checkout, number: str) -> Order:
    """Raises NotFound, also for what is no number."""
    known = order_number(number)
    if known is None:
        raise NotFound()
    return await _order(checkout, None, known)


async def _order(checkout: Checkout, token: str | None, number: int | None) -> Order:
    gateway = checkout.gateway
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        answer = await raw.fetchval(_ORDER, token, number, gateway.publishable_key, gateway.public_api_url)
    if answer is None:
        raise NotFound()
    return msgspec.json.decode(answer, type=Order)


async def cancel_order(checkout: Checkout, token: str) -> None:
    """Calls an order off. An unpaid one frees what it held; the gateway is asked first to take no more
    money for it, and should it not answer, a payment that still comes is given back. A paid one gets
    its money back and its stock returns. Already cancelled: fine. Raises NotFound, NotCancellable."""
    for _ in range(3):  # while we ask the gateway it may be paid, and when it is paid others may cancel it
        async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
            row = await raw.fetchrow(_TO_CANCEL, token)
        if row is None:
            raise NotFound()
        if row["is_off"]:
            return
        if not row["can_cancel"]:
            raise NotCancellable(order_status=row["status"])
        if row["status"] == "paid":
            done = await _cancel_paid(checkout, row["id"])
        else:
            await payments.close_payment_soon(checkout, row["attempt_id"])
            done = await end_unpaid(checkout, row["id"], row["attempt_id"], "cancelled")
        if done:
            return
    raise NotCancellable()


async def _cancel_paid(checkout: Checkout, order_id: uuid.UUID) -> bool:
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        cancelled: bool = await raw.fetchval(_CANCEL_PAID, order_id)
    return cancelled


async def end_unpaid(checkout: Checkout, order_id: uuid.UUID, attempt_id: uuid.UUID, becomes: str) -> bool:
    """Ends an order as `cancelled` or `expired`; False when it is no longer unpaid. Its payment is
    followed until the gateway has closed it."""
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        ended: bool = await raw.fetchval(_END_UNPAID, order_id, becomes)
        if ended:
            await following.follow_payment(raw, attempt_id, 0)
    if ended:
        count_order(becomes)
    return ended


async def expire_order(checkout: Checkout, order_id: uuid.UUID) -> None:
    """Ends the order if its time is over and nobody has paid. Bears being called again. Called early,
    as when the database's clock was set back, it asks to be called in time."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_EXPIRED, order_id)
        if row is not None and row["unpaid"] and not row["is_over"]:
            await raw.execute(_EXPIRE_IN_TIME, order_id)
    if row is not None and row["unpaid"] and row["is_over"]:
        await payments.close_payment_soon(checkout, row["attempt_id"])
        await end_unpaid(checkout, order_id, row["attempt_id"], "expired")
