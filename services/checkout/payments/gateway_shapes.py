"""What we read of Stripe's objects; unknown fields are ignored, since the gateway may add any. What it
says is not trusted: ids go into addresses, amounts and texts into the database.

https://docs.stripe.com/api/payment_intents/object, https://docs.stripe.com/api/refunds/object
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

IntentStatus = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]


# `(?!\n)$`: in Python `$` alone would let a line break pass.
ObjectId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,255}(?!\n)$")]
Currency = Annotated[str, Meta(pattern=r"^[A-Za-z]{3}(?!\n)$")]
AmountMinor = Annotated[int, Meta(ge=0, le=2**53)]
Text = Annotated[str, Meta(max_length=1000)]

_ESCAPES = re.compile(rb"(\\\\)|\\u0000")


def without_nul(json_text: bytes) -> bytes:
    """JSON text without NUL characters, which PostgreSQL's text can't hold; a backslash that is escaped
    itself begins no escape."""
    return _ESCAPES.sub(rb"\1", json_text) if rb"\u0000" in json_text else json_text


class Card(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/payment_methods/object: the fingerprint is the same for the same number."""

    fingerprint: Text | None = None


class PaymentMethod(msgspec.Struct, frozen=True):
    card: Card | None = None


class GatewayError(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/errors; `payment_intent` is the intent as it stands, `charge` the one that
    was declined."""

    type: str = ""
    code: Text | None = None
    message: Text | None = None
    payment_intent: Intent | None = None
    charge: ObjectId | None = None
    payment_method: PaymentMethod | None = None

    @property
    def card(self) -> str | None:
        """What tells the card from others, and nothing else about it."""
        method = self.payment_method
        return method.card.fingerprint if method is not None and method.card is not None else None


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent; amounts in minor units, currency in lower case."""

    id: ObjectId
    status: IntentStatus
    amount: AmountMinor
    currency: Currency
    client_secret: Text | None = None
    amount_received: AmountMinor | None = None
    metadata: dict[str, str] = {}
    last_payment_error: GatewayError | None = None

    @property
    def attempt_id(self) -> str | None:
        """Ours, as given when the intent was made."""
        return self.metadata.get("attempt")


class GatewayRefund(msgspec.Struct, frozen=True):
    id: ObjectId
    amount: AmountMinor
    status: Text | None = None
    payment_intent: Text | None = None
    metadata: dict[str, str] = {}
    failure_reason: Text | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: GatewayError


class Intents(msgspec.Struct, frozen=True):
    data: list[Intent]


class GatewayRefunds(msgspec.Struct, frozen=True):
    data: list[GatewayRefund]


class Event(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/events/object; `data` holds the object the event is about, of whatever
    shape: some kinds of event have none."""

    id: ObjectId
    type: Annotated[str, Meta(min_length=1, max_length=255)]
    data: Any = None

    @property
    def object(self) -> Any:
        return self.data.get("object") if isinstance(self.data, dict) else None
