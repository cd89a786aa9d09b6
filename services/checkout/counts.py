"""What checkout counts for Prometheus, each after its commit and by the process that committed."""

from __future__ import annotations

from prometheus_client import Counter

orders_total = Counter("orders_total", "Orders by the status they have come to", ["status"])
payments_total = Counter("payments_total", "What came of the gateway's word on a payment", ["outcome"])

_STATUS_AFTER = {"paid": "paid", "refund_due": "refund_due"}


def count_payment(effect: str) -> None:
    """`effect` as `payments.apply_intent` returns it; repetitions and mere notes are nothing new."""
    if effect in ("paid", "refund_due", "declined", "mismatch"):
        payments_total.labels(effect).inc()
    if status := _STATUS_AFTER.get(effect):
        orders_total.labels(status).inc()


def count_order(status: str) -> None:
    orders_total.labels(status).inc()
