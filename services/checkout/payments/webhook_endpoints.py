"""Where the gateway reports. 2xx only after the commit: for anything else it sends the event again."""

from __future__ import annotations

from services.checkout.errors import SignatureWrong
from services.checkout.payments.shapes import Received
from services.checkout.payments.signatures import verify_signature
from services.checkout.payments.webhooks import receive_event
from services.checkout.resources import Checkout
from services.decode import Nothing, read_body
from services.errors import Malformed, TooLarge
from services.operations import Call, operation

_EVENT_BYTES_MAX = 256_000


async def post_event(call: Call[Checkout, Nothing, Nothing]) -> Received:
    body = await read_body(call.request, _EVENT_BYTES_MAX)
    secrets = call.resources.gateway.webhook_secrets
    verify_signature(call.request.headers.get("stripe-signature", ""), body, secrets)
    return Received(await receive_event(call.resources, body))


OPERATIONS = [
    operation(
        "POST",
        "/webhooks/payments",
        post_event,
        "The payment gateway's signed events",
        answer=Received,
        admission="reserved",
        problems=(Malformed, SignatureWrong, TooLarge),
    )
]
