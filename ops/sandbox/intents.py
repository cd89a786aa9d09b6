"""Payment intents: made, looked at, listed, given up. Paying them is in confirmation.py."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import msgspec

from ops.sandbox import shapes
from ops.sandbox.cards import Method, PaymentMethodData, chosen_card
from ops.sandbox.confirmation import find, pay
from ops.sandbox.errors import InvalidRequest, WrongState
from ops.sandbox.events import record
from ops.sandbox.ids import new_id
from ops.sandbox.lists import ListParameters, page
from ops.sandbox.operations import Answer, Call
from ops.sandbox.parameters import Parameters
from ops.sandbox.store import to_json
from services.queries import load_queries

_SQL = load_queries(__file__, "intents.sql")
_MAY_BE_CANCELED = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")

Metadata = dict[Annotated[str, msgspec.Meta(max_length=40)], Annotated[str, msgspec.Meta(max_length=500)]]


class NewIntent(Parameters, frozen=True, kw_only=True):
    """What shops send when they take cards; capturing later, saved cards and connect are refused."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=99_999_999)]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{3}(?!\n)$")]
    metadata: Metadata = {}
    capture_method: Literal["automatic", "automatic_async"] = "automatic"
    confirmation_method: Literal["automatic"] = "automatic"
    automatic_payment_methods: dict[str, str] = {}
    payment_method_types: list[Literal["card"]] = []
    payment_method: Method | None = None
    payment_method_data: PaymentMethodData | None = None
    confirm: bool = False
    return_url: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    shipping: dict[str, Any] | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None


class Cancellation(Parameters, frozen=True):
    cancellation_reason: Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None = (
        None
    )


def create(call: Call[NewIntent]) -> Answer:
    """With `confirm` it is paid at once, or declined: then the error names the intent that was made."""
    asked, gateway = call.parameters, call.gateway
    if asked.return_url is not None and not asked.confirm:
        raise InvalidRequest("return_url may only be given when confirm=true", param="return_url")
    card = chosen_card(asked.payment_method, asked.payment_method_data)
    identifier = new_id("pi")
    details = {name: getattr(asked, name) for name in ("description", "receipt_email", "shipping")}
    details |= {
        name: getattr(asked, name) for name in ("statement_descriptor", "statement_descriptor_suffix")
    }
    gateway.store.run(
        _SQL["add_intent"],
        id=identifier,
        client_secret=f"{identifier}_{new_id('secret')}",
        created=int(time.time()),
        amount_minor=asked.amount,
        currency=asked.currency.lower(),
        status="requires_payment_method" if card is None else "requires_confirmation",
        metadata=to_json(asked.metadata),
        details=to_json({name: value for name, value in details.items() if value is not None}),
        card=to_json(card),
    )
    intent = find(gateway, identifier)
    record(gateway, "payment_intent.created", shapes.intent(intent), call.origin)
    if asked.confirm:
        return pay(gateway, intent, card, asked.return_url, call.origin)
    return Answer(shapes.intent(intent))


def retrieve(call: Call[Parameters]) -> Answer:
    intent = find(call.gateway, call.id)
    call.caller.check(intent)
    return Answer(shapes.intent(intent))


def list_intents(call: Call[ListParameters]) -> Answer:
    rows = call.gateway.store.all(_SQL["list_intents"], **call.parameters.filters())
    return Answer(page(rows, call.parameters, "/v1/payment_intents", shapes.intent))


def cancel(call: Call[Cancellation]) -> Answer:
    """Raises WrongState when it is paid or canceled already."""
    gateway, intent = call.gateway, find(call.gateway, call.id)
    if intent["status"] not in _MAY_BE_CANCELED:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a"
            " PaymentIntent with one of the following statuses may be canceled:"
            f" {', '.join(_MAY_BE_CANCELED)}."
        )
        raise WrongState(message, shapes.intent(intent))
    gateway.store.run(
        _SQL["cancel_intent"],
        id=call.id,
        canceled_at=int(time.time()),
        reason=call.parameters.cancellation_reason,
    )
    canceled = shapes.intent(find(gateway, call.id))
    record(gateway, "payment_intent.canceled", canceled, call.origin)
    return Answer(canceled)
