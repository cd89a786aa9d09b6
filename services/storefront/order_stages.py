"""Where an order stands, as its page tells it: its status and its payment's state in one word."""

from __future__ import annotations

from enum import Enum

from services.storefront.checkout_client import Order
from services.storefront.texts import text


class Stage(Enum):
    """A heading, and what follows it (perhaps nothing). While it waits, the page looks for news by itself."""

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

    @property
    def is_waiting(self) -> bool:
        return self in (Stage.PREPARING, Stage.PAY, Stage.SETTLING)


_STAGES = {
    "fulfilled": Stage.FULFILLED,
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
    if order.status == "cancelled":
        return Stage.CANCELLED_PAID if order.refunded.amount else Stage.CANCELLED
    return _STAGES[order.status]


def _unpaid_stage(order: Order) -> Stage:
    """Card after card may be tried, so a declined one changes nothing here."""
    if order.payment.state == "preparing":
        return Stage.PREPARING
    if order.payment.state == "settled":
        return Stage.SETTLING
    return Stage.PAY if order.payment.id else Stage.REFUSED
