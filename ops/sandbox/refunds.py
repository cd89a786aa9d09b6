"""Charges, and refunds of them: never more than was taken."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import msgspec

from ops.sandbox import shapes
from ops.sandbox.confirmation import find as find_intent
from ops.sandbox.errors import InvalidRequest, NoSuchThing, WrongState
from ops.sandbox.events import record
from ops.sandbox.gateway import Gateway
from ops.sandbox.ids import new_id
from ops.sandbox.intents import Metadata
from ops.sandbox.lists import ListParameters, page
from ops.sandbox.operations import Answer, Call
from ops.sandbox.parameters import Parameters
from ops.sandbox.store import Row, to_json
from services.queries import load_queries

_SQL = load_queries(__file__, "refunds.sql")


class NewRefund(Parameters, frozen=True):
    """Of a whole payment when no amount is given."""

    payment_intent: str | None = None
    charge: str | None = None
    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None
    metadata: Metadata = {}


class ChargeList(ListParameters, frozen=True):
    payment_intent: str | None = None


class RefundList(ListParameters, frozen=True):
    payment_intent: str | None = None
    charge: str | None = None


def create(call: Call[NewRefund]) -> Answer:
    """Raises WrongState when nothing was taken, all is given back, or too much is asked for."""
    gateway, asked = call.gateway, call.parameters
    charge = _charge_of(gateway, asked)
    left_minor = charge["amount_minor"] - charge["refunded_minor"]
    if left_minor == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise WrongState(message, code="charge_already_refunded")
    amount_minor = left_minor if asked.amount is None else asked.amount
    if amount_minor > left_minor:
        message = (
            f"Refund amount ({amount_minor} {charge['currency']}) is greater than unrefunded amount on charge"
            f" ({left_minor} {charge['currency']})"
        )
        raise WrongState(message, code=None, param="amount")
    identifier = new_id("re")
    gateway.store.run(_SQL["give_back"], id=charge["id"], amount_minor=amount_minor)
    gateway.store.run(
        _SQL["add_refund"],
        id=identifier,
        charge_id=charge["id"],
        created=int(time.time()),
        amount_minor=amount_minor,
        reason=asked.reason,
        metadata=to_json(asked.metadata),
    )
    refund = shapes.refund(_found(gateway, "refund", identifier))
    record(gateway, "refund.created", refund, call.origin)
    record(gateway, "charge.refunded", shapes.charge(_found(gateway, "charge", charge["id"])), call.origin)
    record(gateway, "refund.updated", refund, call.origin)
    return Answer(refund)


def _charge_of(gateway: Gateway, asked: NewRefund) -> Row:
    """The charge that took the money."""
    if asked.charge is not None and asked.payment_intent is None:
        charge = _found(gateway, "charge", asked.charge, "charge")
        if charge["status"] != "succeeded":
            message = f"Charge {charge['id']} has not been captured and cannot be refunded."
            raise WrongState(message, code="charge_not_refundable")
        return charge
    if asked.payment_intent is None or asked.charge is not None:
        raise InvalidRequest("One of the following params should be provided: payment_intent or charge.")
    intent = find_intent(gateway, asked.payment_intent, "payment_intent")
    taken = gateway.store.one(_SQL["charge_of_intent"], intent_id=intent["id"])
    if taken is None:
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise WrongState(message)
    return taken


def _found(gateway: Gateway, kind: str, identifier: str, param: str = "id") -> Row:
    """A charge or a refund. Raises NoSuchThing."""
    row = gateway.store.one(_SQL[kind], id=identifier)
    if row is None:
        raise NoSuchThing(kind, identifier, param)
    return row


def retrieve(call: Call[Parameters]) -> Answer:
    return Answer(shapes.refund(_found(call.gateway, "refund", call.id)))


def list_refunds(call: Call[RefundList]) -> Answer:
    asked = call.parameters
    of = {"intent_id": asked.payment_intent, "charge_id": asked.charge}
    rows = call.gateway.store.all(_SQL["list_refunds"], **asked.filters(), **of)
    return Answer(page(rows, asked, "/v1/refunds", shapes.refund))


def retrieve_charge(call: Call[Parameters]) -> Answer:
    return Answer(shapes.charge(_found(call.gateway, "charge", call.id)))


def list_charges(call: Call[ChargeList]) -> Answer:
    asked = call.parameters
    rows = call.gateway.store.all(_SQL["list_charges"], **asked.filters(), intent_id=asked.payment_intent)
    return Answer(page(rows, asked, "/v1/charges", shapes.charge))
