"""Where an order stands, as its page tells it: its status and its payment's state in one word."""

from __future__ import annotations

from enum import Enum

from services.storefront.checkout_client import Order
from services.storefront.texts import text


class Stage(Enum):
    """A heading, and what follows it (perhaps nothing)."""

    PREPARING = "preparing"
    PAY = "pay"
    SETTLING = "settling"
    REFUSED = "refused"
    PAID = "paid"
    PARTLY_SENT = "partly_sent"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    CANCELLED_PAID = "cancelled_paid"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    REFUND_DUE = "refund_due"

    @property
    def heading(self) -> str:
        return text(f"stage.{self.value}.heading")

    @property
    def words(self) -> str:
        return text(f"stage.{self.value}.words")


_WAITING = (Stage.PREPARING, Stage.PAY, Stage.SETTLING)
_PAYMENT_PAUSE_SECONDS = 15
_REFUND_PAUSE_SECONDS = 60  # a gateway may take days for one

_STAGES = {
    "fulfilled": Stage.FULFILLED,
    "cancelled": Stage.CANCELLED,
    "expired": Stage.EXPIRED,
    "refunded": Stage.REFUNDED,
    "partially_refunded": Stage.PARTLY_REFUNDED,
    "refund_due": Stage.REFUND_DUE,
}


def stage_of(order: Order) -> Stage:
    if order.is_unpaid:
        return _unpaid_stage(order)
    if order.status == "paid":
        return Stage.PARTLY_SENT if order.fulfilments else Stage.PAID
    if order.status == "refund_due" and order.paid_at is not None:
        return Stage.CANCELLED_PAID
    return _STAGES[order.status]


def look_again_seconds(order: Order) -> int:
    """How far apart the page's own looks for news become at most; 0: there is none to wait for."""
    if stage_of(order) in _WAITING:
        return _PAYMENT_PAUSE_SECONDS
    return _REFUND_PAUSE_SECONDS if order.is_refund_under_way else 0


def mark_of(order: Order) -> str:
    """Another one whenever the page would show something else."""
    return "-".join([stage_of(order).name, *(refund.state for refund in order.refunds)])


def _unpaid_stage(order: Order) -> Stage:
    """Card after card may be tried, so a declined one changes nothing here."""
    if order.payment.state == "preparing":
        return Stage.PREPARING
    if order.payment.state == "settled":
        return Stage.SETTLING
    return Stage.PAY if order.payment.id else Stage.REFUSED
