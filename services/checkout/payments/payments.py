"""Payments: opened at the gateway, listened to, closed.

The gateway may be silent at any moment, and silence means nothing: a payment stays as it is until
the gateway's word arrives by webhook, or by the looks of following.py.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.checkout.counts import count_payment
from services.checkout.limits import buyers
from services.checkout.payments.gateway import GatewayRefused, GatewayUnavailable
from services.checkout.payments.gateway_shapes import Intent
from services.checkout.payments.shapes import PaymentState
from services.checkout.resources import Checkout
from services.database import Connection, connection
from services.errors import Unavailable
from services.queries import load_queries
from services.settings import LimitSettings

logger = logging.getLogger("kiosk.payments")

_SQL = load_queries(__file__, "payments.sql")
_ATTEMPT, _NEXT_KEY, _HEARD, _SETTLE = _SQL["attempt"], _SQL["next_key"], _SQL["heard"], _SQL["settle"]
_GIVE_UP = _SQL["give_up"]

_STATES: dict[str, PaymentState] = {
    "requires_payment_method": "ready",
    "requires_confirmation": "ready",
    "requires_action": "requires_action",
    "processing": "requires_action",
    "requires_capture": "requires_action",
    "canceled": "failed",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that the gateway has not answered yet: what it is to be asked."""

    id: uuid.UUID
    key_number: int
    amount_minor: int
    currency: str
    order_number: str
    created_at: datetime


async def open_payment(checkout: Checkout, attempt: Attempt) -> None:
    """Makes the attempt's intent at the gateway, or hears of the one it has made already. Raises
    GatewayUnavailable when nobody knows; then it is to be called again."""
    try:
        intent = await checkout.gateway.create_intent(
            attempt.id, attempt.key_number, attempt.amount_minor, attempt.currency, attempt.order_number
        )
    except GatewayUnavailable as error:
        if not error.stored:
            raise
        intent = await _after_stored_failure(checkout, attempt)
    except GatewayRefused as refused:
        if refused.error.type != "idempotency_error":
            log_refusal(attempt.id, refused)
            await give_up(checkout, attempt.id)
            return
        # The key is ours: an earlier release has asked in other words.
        intent = await _after_stored_failure(checkout, attempt)
    await hear(checkout, intent)


async def _after_stored_failure(checkout: Checkout, attempt: Attempt) -> Intent:
    """The intent may exist beside the failure. When it does not, the next call may use another key: an
    intent that nobody was told of can't be paid, so even a third one charges nobody."""
    intent = await checkout.gateway.find_intent(attempt.id, attempt.created_at.timestamp() - 60)
    if intent is None:
        async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
            await raw.execute(_NEXT_KEY, attempt.id, attempt.key_number)
        raise GatewayUnavailable("has stored a failure under our key")
    return intent


def log_refusal(attempt_id: uuid.UUID, refused: GatewayRefused) -> None:
    """What the gateway dislikes of us is for the operator; the shopper is told only what it says of
    cards."""
    error = refused.error
    facts = {"attempt": str(attempt_id), "type": error.type, "code": error.code, "why": error.message}
    logger.error("the gateway refused a call about a payment", extra={"facts": facts})


async def give_up(checkout: Checkout, attempt_id: uuid.UUID) -> None:
    """Notes that no money can come of an attempt that the gateway has no intent for."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await raw.execute(_GIVE_UP, attempt_id)


async def open_payment_soon(checkout: Checkout, attempt: Attempt) -> None:
    """The same within PAYMENT_TIMEOUT_SECONDS, for a shopper who waits; else the job goes on. Also where
    the gateway's answer can't be noted, because an event about it is being noted: the order stands."""
    with suppress(Unavailable, GatewayRefused, TimeoutError):
        async with asyncio.timeout(checkout.gateway.request_timeout_seconds):
            await open_payment(checkout, attempt)


async def close_payment_soon(checkout: Checkout, attempt_id: uuid.UUID) -> None:
    """Asks the gateway to take no more money for an attempt. When it already has, that is noted; when
    it does not answer, or says no, whoever follows the payment asks again."""
    try:
        async with asyncio.timeout(checkout.gateway.request_timeout_seconds):
            row = await attempt_row(checkout, attempt_id)
            if row is not None and row["gateway_id"] and not row["closed"]:
                await hear(checkout, await checkout.gateway.cancel_intent(row["gateway_id"]))
    except GatewayRefused as refused:
        log_refusal(attempt_id, refused)
    except (GatewayUnavailable, TimeoutError):
        return


async def hear(checkout: Checkout, intent: Intent) -> str:
    """Takes the gateway's word on an intent, whatever it is and however often it comes. Says what came
    of it, as `apply_intent`."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        effect = await apply_intent(raw, checkout.limits, intent)
    count_payment(effect)
    return effect


async def apply_intent(raw: Connection, limits: LimitSettings, intent: Intent) -> str:
    """The same in one statement on the caller's connection: paid, refund_due, repeated, mismatch, unknown
    (not an intent of ours), declined or noted (nothing new, or without effect)."""
    try:
        attempt_id = uuid.UUID(intent.attempt_id or "")
    except ValueError:
        return "unknown"
    if intent.status == "succeeded":
        received = intent.amount if intent.amount_received is None else intent.amount_received
        effect: str = await raw.fetchval(
            _SETTLE, attempt_id, intent.id, received, intent.currency, buyers.WINDOW_SECONDS
        )
        if effect == "mismatch":
            logger.error("the gateway took something else than we asked for", extra={"facts": _facts(intent)})
        return effect
    error = intent.last_payment_error
    declined = await buyers.count_decline(raw, limits, attempt_id, intent)
    state: PaymentState = "failed" if error and _STATES[intent.status] == "ready" else _STATES[intent.status]
    message = error.message if error else None
    closed = intent.status == "canceled"
    news = await raw.fetchval(_HEARD, attempt_id, intent.id, intent.client_secret, state, message, closed)
    return "declined" if declined or (error and news) else "noted"


def _facts(intent: Intent) -> dict[str, Any]:
    return {"intent": intent.id, "amount_minor": intent.amount_received, "currency": intent.currency}


async def attempt_row(checkout: Checkout, attempt_id: uuid.UUID) -> Any:
    """What `payments.sql` knows of an attempt before the gateway is asked about it."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        return await raw.fetchrow(_ATTEMPT, attempt_id)
