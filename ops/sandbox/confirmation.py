"""Paying an intent: the card is charged, or declined, or the bank asks the shopper first.

An intent is charged once. Statements run one after the other here, so the status decides; the unique
index on charges would refuse a second one even if it did not.
"""

from __future__ import annotations

import time
from typing import Any

from ops.sandbox import shapes
from ops.sandbox.cards import Method, PaymentMethodData, chosen_card
from ops.sandbox.errors import InvalidRequest, NoSuchThing, WrongState
from ops.sandbox.events import record
from ops.sandbox.gateway import Gateway
from ops.sandbox.ids import new_id
from ops.sandbox.operations import Answer, Call, Origin
from ops.sandbox.parameters import Parameters
from ops.sandbox.store import Row, from_json, to_json
from services.queries import load_queries

_SQL = load_queries(__file__, "intents.sql")
_MAY_BE_CONFIRMED = ("requires_payment_method", "requires_confirmation", "requires_action")
_WHY_NOT = {
    "succeeded": "it has already succeeded after being previously confirmed",
    "processing": "it is processing",
    "canceled": "it was canceled",
}
_NOT_AUTHENTICATED = {
    "code": "payment_intent_authentication_failure",
    "message": "We are unable to authenticate your payment method. Please choose a different payment method"
    " and try again.",
    "type": "invalid_request_error",
}


class Confirmation(Parameters, frozen=True):
    payment_method: Method | None = None
    payment_method_data: PaymentMethodData | None = None
    return_url: str | None = None
    receipt_email: str | None = None
    use_stripe_sdk: bool = False


def find(gateway: Gateway, identifier: str, param: str = "intent") -> Row:
    """Raises NoSuchThing."""
    row = gateway.store.one(_SQL["intent"], id=identifier)
    if row is None:
        raise NoSuchThing("payment_intent", identifier, param)
    return row


def confirm(call: Call[Confirmation]) -> Answer:
    """Raises WrongState when it is paid or canceled, CardRefused when the card's number cannot be one."""
    gateway, asked = call.gateway, call.parameters
    intent = find(gateway, call.id)
    call.caller.check(intent)
    if intent["status"] not in _MAY_BE_CONFIRMED:
        message = f"You cannot confirm this PaymentIntent because {_WHY_NOT[intent['status']]}."
        raise WrongState(message, shapes.intent(intent))
    card = chosen_card(asked.payment_method, asked.payment_method_data) or from_json(intent["card"])
    return pay(gateway, intent, card, asked.return_url, call.origin)


def pay(
    gateway: Gateway, intent: Row, card: dict[str, Any] | None, return_url: str | None, origin: Origin
) -> Answer:
    """Raises WrongState without a card."""
    if card is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either"
            " update the PaymentIntent with a payment method and then confirm it again, or confirm it again"
            " directly with a payment method."
        )
        raise WrongState(message, shapes.intent(intent))
    if return_url is not None and not return_url.startswith(("http://", "https://")):
        raise InvalidRequest("Not a valid URL", code="url_invalid", param="return_url")
    if card["authenticates"]:
        return Answer(_ask_shopper(gateway, intent, card, return_url, origin))
    if card["processes"]:
        return Answer(_begin_processing(gateway, intent, card, origin))
    return charge(gateway, intent, card, origin)


def _ask_shopper(
    gateway: Gateway, intent: Row, card: dict[str, Any], return_url: str | None, origin: Origin
) -> dict[str, Any]:
    token = new_id("auth")
    gateway.store.run(_SQL["ask_shopper"], token=token, intent_id=intent["id"], return_url=return_url)
    page = {"return_url": return_url, "url": f"{gateway.public_url}/sandbox/authenticate/{token}"}
    gateway.store.run(
        _SQL["await_authentication"],
        id=intent["id"],
        next_action=to_json({"redirect_to_url": page, "type": "redirect_to_url"}),
        card=to_json(card),
    )
    waiting = shapes.intent(find(gateway, intent["id"]))
    record(gateway, "payment_intent.requires_action", waiting, origin)
    return waiting


def _begin_processing(gateway: Gateway, intent: Row, card: dict[str, Any], origin: Origin) -> dict[str, Any]:
    settles_at = time.time() + gateway.processing_seconds
    gateway.store.run(_SQL["begin_processing"], id=intent["id"], settles_at=settles_at, card=to_json(card))
    processing = shapes.intent(find(gateway, intent["id"]))
    record(gateway, "payment_intent.processing", processing, origin)
    return processing


def charge(gateway: Gateway, intent: Row, card: dict[str, Any], origin: Origin) -> Answer:
    """Takes the money, or is declined: 402, with the intent in need of another card."""
    identifier = new_id("ch")
    failure = {name: card[name] for name in ("code", "decline_code", "message")} if card["code"] else None
    gateway.store.run(
        _SQL["add_charge"],
        id=identifier,
        intent_id=intent["id"],
        created=int(time.time()),
        status="succeeded" if failure is None else "failed",
        metadata=intent["metadata"],
        card=to_json(card),
        failure=to_json(failure),
    )
    if failure is None:
        return Answer(_settle(gateway, intent, origin, charge=identifier, card=card))
    problem = {**failure, "charge": identifier, "type": "card_error"}
    problem["payment_method"] = shapes.payment_method(card)
    failed = _settle(gateway, intent, origin, charge=identifier, problem=problem)
    return Answer({"error": {**problem, "payment_intent": failed}}, 402)


def refuse_authentication(gateway: Gateway, intent: Row, card: dict[str, Any]) -> None:
    """The shopper did not pass the bank's check."""
    problem = {**_NOT_AUTHENTICATED, "payment_method": shapes.payment_method(card)}
    _settle(gateway, intent, Origin(), problem=problem)


def _settle(
    gateway: Gateway,
    intent: Row,
    origin: Origin,
    *,
    charge: str | None = None,
    card: dict[str, Any] | None = None,
    problem: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Paid by `card`, or failed by `problem`."""
    gateway.store.run(
        _SQL["settle_intent"],
        id=intent["id"],
        status="succeeded" if problem is None else "requires_payment_method",
        card=to_json(card),
        last_payment_error=to_json(problem),
        charge=charge,
    )
    settled = shapes.intent(find(gateway, intent["id"]))
    kind = "succeeded" if problem is None else "payment_failed"
    record(gateway, f"payment_intent.{kind}", settled, origin)
    return settled
