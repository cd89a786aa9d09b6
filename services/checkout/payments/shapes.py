"""What the API says of payments and refunds, and takes for them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from services.checkout.shapes import OptionalLine, Price
from services.decode import Input
from services.money import Money

PaymentState = Literal["preparing", "ready", "requires_action", "settled", "failed"]


class Payment(msgspec.Struct, frozen=True):
    """How to pay. The browser confirms the intent `id` at `api_base` with `client_secret`, which is told
    while the order is `pending_payment`. While `preparing` the ids are null: ask again. `failed`: see
    `message`; another card may be tried while the order is `pending_payment`."""

    provider: str
    state: PaymentState
    id: str | None
    client_secret: str | None
    publishable_key: str
    api_base: str
    message: str | None


class Refund(msgspec.Struct, frozen=True):
    """`pending` until the gateway has said yes; `failed` gives the amount back to what can be refunded."""

    id: str
    amount: Money
    state: Literal["pending", "succeeded", "failed"]
    reason: str | None
    created_at: datetime


class SetRefund(Input, frozen=True):
    """Without `amount`: all that is left of what was captured."""

    amount: Price | None = None
    reason: OptionalLine | None = None


class Received(msgspec.Struct, frozen=True):
    """What came of a webhook; the gateway only reads the status."""

    effect: str
