"""Parcels: what of an order has left the shop."""

from __future__ import annotations

import uuid

import msgspec

from services.checkout.errors import NotFulfillable
from services.checkout.idempotency import claim
from services.checkout.orders.numbers import order_number
from services.checkout.orders.shapes import Fulfilment, ParcelLine, SetFulfilment
from services.checkout.resources import Checkout
from services.database import Connection, transaction
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries
from services.queue import enqueue

_SQL = load_queries(__file__, "fulfilments.sql")
_LOCK_ORDER, _LINES, _SEND, _FULFILMENT = _SQL["lock_order"], _SQL["lines"], _SQL["send"], _SQL["fulfilment"]
_FULFILLABLE = ("paid", "partially_refunded")


async def fulfil(
    checkout: Checkout, number: str, key: str, fingerprint: str, parcel: SetFulfilment
) -> Fulfilment:
    """Notes a parcel that has left, once per key, and enqueues the mail about it; a replay gets the
    same parcel. Without lines it holds everything that had not left. When nothing is left the order is
    `fulfilled`; one refunded in part stays `partially_refunded`. Raises NotFound, Invalid (a line the
    order does not have), NotFulfillable, KeyReused, InFlight, DatabaseUnavailable. One transaction;
    locks the key, then the order."""
    fulfilment_id = uuid.uuid4()
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        earlier = await claim(raw, "fulfilment", key, fingerprint, str(fulfilment_id))
        if earlier is None:
            await _send(raw, fulfilment_id, number, parcel)
        else:
            fulfilment_id = uuid.UUID(earlier)
        answer = await raw.fetchval(_FULFILMENT, fulfilment_id)
    return msgspec.json.decode(answer, type=Fulfilment)


async def _send(raw: Connection, fulfilment_id: uuid.UUID, number: str, parcel: SetFulfilment) -> None:
    order = await raw.fetchrow(_LOCK_ORDER, order_number(number))
    if order is None:
        raise NotFound("There is no such order")
    if order["status"] not in _FULFILLABLE:
        raise NotFulfillable(f"The order is {order['status']}", order_status=order["status"])
    if order["given_back"]:  # its status follows once the gateway has answered
        raise NotFulfillable("All of its money is on its way back", order_status=order["status"])
    unsent = {row["sku"]: row["unsent"] for row in await raw.fetch(_LINES, order["id"])}
    lines = _packed(parcel.lines, unsent, order["status"])
    await raw.execute(
        _SEND,
        fulfilment_id,
        order["id"],
        list(lines),
        list(lines.values()),
        parcel.carrier or None,
        parcel.tracking_number or None,
        parcel.tracking_url and parcel.tracking_url.rstrip("\n"),  # which `$` lets pass
    )
    await enqueue(raw, "checkout.send_shipped", fulfilment_id)


def _packed(wished: list[ParcelLine] | None, unsent: dict[str, int], status: str) -> dict[str, int]:
    """Quantities by SKU; all that has not left when none are wished."""
    if wished is None:
        lines = {sku: quantity for sku, quantity in unsent.items() if quantity > 0}
        if not lines:
            raise NotFulfillable("Everything has left already", order_status=status)
        return lines
    lines = {}
    errors: list[FieldError] = []
    for place, line in enumerate(wished):
        if line.sku not in unsent:
            errors.append(FieldError(f"lines[{place}].sku", "is not in this order"))
        elif line.sku in lines:
            errors.append(FieldError(f"lines[{place}].sku", "is given more than once"))
        lines[line.sku] = line.quantity
    if errors:
        raise Invalid(errors)
    if any(quantity > unsent[sku] for sku, quantity in lines.items()):
        left = [{"sku": sku, "quantity": quantity} for sku, quantity in unsent.items() if quantity > 0]
        raise NotFulfillable("This is more than what has not left yet", order_status=status, left=left)
    return lines
