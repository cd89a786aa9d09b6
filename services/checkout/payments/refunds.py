"""Money given back: never more than was captured, never twice."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import suppress
from typing import Any

from services.checkout.errors import RefundTooLarge
from services.checkout.idempotency import claim
from services.checkout.orders.numbers import order_number
from services.checkout.payments.gateway import GatewayRefused, GatewayUnavailable
from services.checkout.payments.gateway_shapes import GatewayRefund
from services.checkout.payments.shapes import Refund, SetRefund
from services.checkout.resources import Checkout
from services.checkout.shapes import Price
from services.database import Connection, connection, transaction
from services.errors import FieldError, Invalid, NotFound
from services.money import Money
from services.queries import load_queries

logger = logging.getLogger("kiosk.refunds")

_SQL = load_queries(__file__, "refunds.sql")
_ORDER_TO_REFUND, _ASK, _REFUND = _SQL["order_to_refund"], _SQL["ask"], _SQL["refund"]
_TO_SEND, _SEND_AGAIN, _NEXT_KEY = _SQL["to_send"], _SQL["send_again"], _SQL["next_refund_key"]
_UNDER_WAY, _SETTLE = _SQL["under_way"], _SQL["settle_refund"]

_RETRY_MIN_SECONDS, _RETRY_MAX_SECONDS = 5, 600


async def refund_order(
    checkout: Checkout, number: str, key: str, fingerprint: str, wish: SetRefund
) -> uuid.UUID:
    """Notes a refund, once per key, and returns its id; the job sends it. Raises NotFound,
    RefundTooLarge, Invalid (another currency), KeyReused, InFlight."""
    refund_id = uuid.uuid4()
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        earlier = await claim(raw, "refund", key, fingerprint, str(refund_id))
        if earlier is not None:
            return uuid.UUID(earlier)
        order = await raw.fetchrow(_ORDER_TO_REFUND, order_number(number))
        if order is None:
            raise NotFound()
        amount_minor = _amount_minor(order, wish.amount)
        if not await raw.fetchval(_ASK, order["id"], amount_minor, wish.reason, refund_id):
            raise RefundTooLarge(refundable=_refundable(order))
    return refund_id


def _refundable(order: Any) -> Money:
    return Money(order["captured_minor"] - order["refunded_minor"], order["currency"].strip())


def _amount_minor(order: Any, wished: Price | None) -> int:
    left = _refundable(order)
    if wished is None:
        if left.amount == 0:
            raise RefundTooLarge("Nothing is left to refund", refundable=left)
        return left.amount
    if wished.currency != left.currency:
        raise Invalid([FieldError("amount.currency", f"the order was paid in {left.currency}")])
    if wished.amount < 1:
        raise Invalid([FieldError("amount.amount", "must be at least 1")])
    if wished.amount > left.amount:
        raise RefundTooLarge(refundable=left)
    return wished.amount


async def refund(checkout: Checkout, refund_id: uuid.UUID) -> Refund:
    """One refund as it stands. Raises NotFound."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_REFUND, refund_id)
    if row is None:
        raise NotFound()
    amount = Money(row["amount_minor"], row["currency"].strip())
    return Refund(row["id"], amount, row["state"], row["reason"], row["created_at"])


async def send_refund_soon(checkout: Checkout, refund_id: uuid.UUID) -> None:
    """Sends it within PAYMENT_TIMEOUT_SECONDS, for someone who waits; else the job goes on."""
    with suppress(GatewayUnavailable, TimeoutError):
        async with asyncio.timeout(checkout.gateway.request_timeout_seconds):
            await _send(checkout, refund_id)


async def send_refund(checkout: Checkout, refund_id: uuid.UUID, tries: int = 0) -> None:
    """The job: sends it, and enqueues itself again while the gateway has no final word."""
    with suppress(GatewayUnavailable):
        await _send(checkout, refund_id)
    seconds = min(_RETRY_MIN_SECONDS * 2 ** min(tries, 10), _RETRY_MAX_SECONDS)
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await raw.execute(_SEND_AGAIN, refund_id, min(tries, 1000) + 1, seconds)


async def _send(checkout: Checkout, refund_id: uuid.UUID) -> None:
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        row = await raw.fetchrow(_TO_SEND, refund_id)
    if row is None:
        return
    try:
        answer = await _ask_gateway(checkout, refund_id, row)
    except GatewayRefused as refused:
        async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
            await _settle(raw, refund_id, None, None, "failed", refused.error.message)
        return
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await apply_refund(raw, answer)


async def _ask_gateway(checkout: Checkout, refund_id: uuid.UUID, row: Any) -> GatewayRefund:
    """Has the refund made, or finds the one that was made: the key does not protect from a second one
    when it is old, and a refusal may only say that the money is gone already."""
    gateway, intent_id, taken = checkout.gateway, row["intent_id"], row["gateway_id"] is not None
    if (taken or row["key_may_be_forgotten"]) and (found := await _made(checkout, refund_id, intent_id)):
        return found
    if taken:
        raise GatewayUnavailable("does not know a refund that it has taken")
    try:
        return await gateway.create_refund(refund_id, row["key_number"], intent_id, row["amount_minor"])
    except GatewayUnavailable as error:
        if not error.stored:
            raise
        if found := await _made(checkout, refund_id, intent_id):
            return found
        async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
            await raw.execute(_NEXT_KEY, refund_id, row["key_number"])
        raise
    except GatewayRefused as refused:
        if found := await _made(checkout, refund_id, intent_id):
            return found
        if refused.error.code == "resource_missing":
            raise _no_word(refund_id, refused) from refused
        raise


async def _made(checkout: Checkout, refund_id: uuid.UUID, intent_id: str) -> GatewayRefund | None:
    """The refund that the gateway has made already. Raises GatewayUnavailable, also for a refusal."""
    try:
        return await checkout.gateway.find_refund(refund_id, intent_id)
    except GatewayRefused as refused:
        raise _no_word(refund_id, refused) from refused


def _no_word(refund_id: uuid.UUID, refused: GatewayRefused) -> GatewayUnavailable:
    """A gateway that does not know the payment was asked with another account's key: that says nothing of
    the refund, which may have been made. It is asked again until the operator has set the right one."""
    facts = {"refund": str(refund_id), "code": refused.error.code, "why": refused.error.message}
    logger.error("the gateway refused to tell of a refund", extra={"facts": facts})
    return GatewayUnavailable("refuses to tell of a refund")


async def apply_refund(raw: Connection, answer: GatewayRefund) -> str:
    """Takes the gateway's word on a refund, however often it comes: succeeded, failed, repeated,
    mismatch, unknown (not one of ours) or noted (it is under way)."""
    try:
        refund_id = uuid.UUID(answer.metadata.get("refund", ""))
    except ValueError:
        return "unknown"
    if answer.status not in ("succeeded", "failed", "canceled"):
        await raw.execute(_UNDER_WAY, refund_id, answer.id, answer.amount)
        return "noted"
    becomes = "succeeded" if answer.status == "succeeded" else "failed"
    return await _settle(raw, refund_id, answer.id, answer.amount, becomes, answer.failure_reason)


async def _settle(
    raw: Connection,
    refund_id: uuid.UUID,
    gateway_id: str | None,
    amount_minor: int | None,
    becomes: str,
    message: str | None,
) -> str:
    effect: str = await raw.fetchval(_SETTLE, refund_id, gateway_id, amount_minor, becomes, message)
    if effect in ("failed", "mismatch"):  # money that somebody waits for: a person has to look
        facts = {"refund": str(refund_id), "effect": effect, "why": message}
        logger.error("a refund went wrong", extra={"facts": facts})
    return effect
