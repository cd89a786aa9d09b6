"""The shopkeeper ships."""

from __future__ import annotations

from services.checkout.errors import InFlight, KeyMissing, KeyReused, NotFulfillable
from services.checkout.idempotency import fingerprint_of, required_key
from services.checkout.orders.fulfilments import fulfil
from services.checkout.orders.shapes import Fulfilment, SetFulfilment
from services.checkout.resources import Checkout
from services.decode import Nothing
from services.operations import Call, Operation, operation


async def fulfil_order(call: Call[Checkout, Nothing, SetFulfilment]) -> Fulfilment:
    key, fingerprint = required_key(call.request), fingerprint_of(call.request, call.body)
    return await fulfil(call.resources, call.path("number"), key, fingerprint, call.body)


OPERATIONS: list[Operation] = [
    operation(
        "POST",
        "/api/checkout/admin/orders/{number}/fulfilments",
        fulfil_order,
        "Note a parcel that has left",
        body=SetFulfilment,
        body_required=False,
        idempotency_key="required",
        answer=Fulfilment,
        status=201,
        problems=(NotFulfillable, KeyMissing, KeyReused, InFlight),
        admin=True,
    ),
]
