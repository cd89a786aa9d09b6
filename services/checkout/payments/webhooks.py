"""The gateway's events. They come at least once and in any order; an event's id and its effect commit
together, so its repetition finds the id and does nothing."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from services.checkout.counts import count_payment
from services.checkout.payments import payments, refunds
from services.checkout.payments.gateway_shapes import Event, GatewayRefund, Intent, without_nul
from services.checkout.refusals import refusals
from services.checkout.resources import Checkout
from services.database import Connection, transaction
from services.errors import Malformed
from services.queries import load_queries
from services.settings import LimitSettings

_SQL = load_queries(__file__, "webhooks.sql")
_RECEIVE, _EFFECT = _SQL["receive"], _SQL["effect"]
_OBJECT_ID_CHARACTERS_MAX = 255

logger = logging.getLogger("kiosk.payments")


async def receive_event(checkout: Checkout, body: bytes) -> str:
    """Takes an event whose signature has been verified. Says what came of it; one about an object that
    we can't read is noted as `unreadable`, for sending it again would not help: whoever follows the
    payment asks the gateway. Raises Malformed for what is no event at all, StockBusy, and
    DatabaseUnavailable: then the gateway will send it again."""
    try:
        event = msgspec.json.decode(without_nul(body), type=Event)
        payload = msgspec.json.encode(_without_secret(event.object)).decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"Not an event: {error}") from None
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        if not await raw.fetchval(_RECEIVE, event.id, event.type, _id_of(event.object), payload):
            return "repeated"
        with refusals():
            effect = await _apply(raw, checkout.limits, event)
        await raw.execute(_EFFECT, event.id, effect)
    count_payment(effect)
    return effect


async def _apply(raw: Connection, limits: LimitSettings, event: Event) -> str:
    """The effect of one event; kinds that say nothing new are ignored."""
    kind = event.type.partition(".")[0]
    try:
        if kind == "payment_intent":
            return await payments.apply_intent(raw, limits, msgspec.convert(event.object, Intent))
        if kind == "refund":
            return await refunds.apply_refund(raw, msgspec.convert(event.object, GatewayRefund))
    except msgspec.ValidationError as error:
        facts = {"event": event.id, "kind": kind, "why": str(error)}
        logger.error("the gateway sent an event that can't be read", extra={"facts": facts})
        return "unreadable"
    return "ignored"


def _id_of(about: Any) -> str | None:
    found = about.get("id") if isinstance(about, dict) else None
    return found[:_OBJECT_ID_CHARACTERS_MAX] if isinstance(found, str) else None


def _without_secret(about: Any) -> Any:
    """What is kept for months does not need the key to a payment."""
    if not isinstance(about, dict):
        return about
    return {name: value for name, value in about.items() if name != "client_secret"}
