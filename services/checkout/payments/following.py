"""Every payment is looked at until it is settled or closed, whatever becomes of its webhooks: each look
is a job, and enqueues the next."""

from __future__ import annotations

import logging
import uuid

from services.checkout.payments import payments
from services.checkout.payments.gateway import GatewayRefused, GatewayUnavailable
from services.checkout.resources import Checkout
from services.database import Connection, connection
from services.queries import load_queries
from services.request_context import current_request

logger = logging.getLogger("kiosk.payments")

_SQL = load_queries(__file__, "payments.sql")
_ATTEMPT, _FOLLOW = _SQL["attempt"], _SQL["follow"]

_POLL_MIN_SECONDS, _POLL_MAX_SECONDS = 5, 60
_POLL_UNOPENED_MAX_SECONDS = 15  # a shopper who can't pay yet may be waiting for it
# About two hours of polls, or half an hour where it is unopened; then it is for the long run.
_MANY_LOOKS, _POLL_OLD_SECONDS = 120, 600
_DAY_OF_LOOKS, _POLL_ANCIENT_SECONDS = 260, 3600  # whoever set another account's key has to be waited for


async def follow_payment(raw: Connection, attempt_id: uuid.UUID, looks: int, *, opened: bool = True) -> None:
    """Enqueues the next look at a payment: soon at first, then every minute (while the gateway knows
    nothing of it, more often), in the end every hour. It never stops by itself."""
    longest_seconds = _POLL_MAX_SECONDS if opened else _POLL_UNOPENED_MAX_SECONDS
    seconds = min(_POLL_MIN_SECONDS * 2 ** min(looks, 10), longest_seconds)
    if looks >= _MANY_LOOKS:
        seconds = _POLL_OLD_SECONDS if looks < _DAY_OF_LOOKS else _POLL_ANCIENT_SECONDS
    request = current_request.get()
    asked_by = (request and request.request_id, request and request.traceparent)
    await raw.execute(_FOLLOW, attempt_id, looks, seconds, *asked_by)


async def poll_payment(checkout: Checkout, attempt_id: uuid.UUID, looks: int) -> None:
    """One look at a payment, and the next one enqueued unless this was the last. Opens what is not
    open, closes what belongs to an order that has ended. A gateway that refuses to tell of a payment may
    only have been asked with a wrong key: it is asked again like one that is silent."""
    try:
        await _look(checkout, attempt_id)
    except GatewayRefused as refused:
        payments.log_refusal(attempt_id, refused)
    except GatewayUnavailable:
        logger.info("no word on a payment", extra={"facts": {"attempt": str(attempt_id), "looks": looks}})
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_ATTEMPT, attempt_id)
        if row is not None and not row["closed"] and row["state"] != "settled":
            opened = row["gateway_id"] is not None
            await follow_payment(raw, attempt_id, min(looks, _DAY_OF_LOOKS) + 1, opened=opened)


async def _look(checkout: Checkout, attempt_id: uuid.UUID) -> None:
    row = await payments.attempt_row(checkout, attempt_id)
    if row is None or row["closed"] or row["state"] == "settled":
        return
    ended = row["order_status"] in ("cancelled", "expired")
    if row["gateway_id"] is None and ended:
        await payments.give_up(checkout, attempt_id)  # nobody was ever told how to pay, so nobody has paid
    elif row["gateway_id"] is None:
        facts = ("key_number", "amount_minor", "currency", "order_number", "created_at")
        await payments.open_payment(checkout, payments.Attempt(attempt_id, *(row[fact] for fact in facts)))
    elif ended:
        await payments.hear(checkout, await checkout.gateway.cancel_intent(row["gateway_id"]))
    else:
        await payments.hear(checkout, await checkout.gateway.intent(row["gateway_id"]))
