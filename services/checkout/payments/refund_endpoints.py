"""The shopkeeper's refunds."""

from __future__ import annotations

from services.checkout.errors import InFlight, KeyMissing, KeyReused, RefundTooLarge
from services.checkout.idempotency import fingerprint_of, required_key
from services.checkout.payments import refunds
from services.checkout.payments.shapes import Refund, SetRefund
from services.checkout.resources import Checkout
from services.decode import Nothing
from services.operations import Call, operation


async def post_refund(call: Call[Checkout, Nothing, SetRefund]) -> Refund:
    checkout, key = call.resources, required_key(call.request)
    fingerprint = fingerprint_of(call.request, call.body)
    refund_id = await refunds.refund_order(checkout, call.path("number"), key, fingerprint, call.body)
    await refunds.send_refund_soon(checkout, refund_id)
    return await refunds.refund(checkout, refund_id)


OPERATIONS = [
    operation(
        "POST",
        "/api/checkout/admin/orders/{number}/refunds",
        post_refund,
        "Give money back",
        body=SetRefund,
        body_required=False,
        idempotency_key="required",
        answer=Refund,
        admission="reserved",
        status=201,
        admin=True,
        problems=(RefundTooLarge, KeyMissing, KeyReused, InFlight),
    )
]
