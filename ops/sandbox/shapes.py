"""Rows as Stripe shows them (docs.stripe.com/api). Fields of products we do not play are left out."""

from __future__ import annotations

import hashlib
from typing import Any

from ops.sandbox.store import Row, from_json

API_VERSION = "2026-10-28.endive"

# What a browser does not see of an intent (docs.stripe.com/api/payment_intents).
_THE_SHOPS_ALONE = (
    "amount_capturable",
    "amount_received",
    "customer",
    "latest_charge",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def intent(row: Row) -> dict[str, Any]:
    """A PaymentIntent, as the secret key sees it."""
    details = from_json(row["details"])
    card = from_json(row["card"])
    succeeded = row["status"] == "succeeded"
    return {
        "id": row["id"],
        "object": "payment_intent",
        "amount": row["amount_minor"],
        "amount_capturable": 0,
        "amount_received": row["amount_minor"] if succeeded else 0,
        "automatic_payment_methods": None,
        "canceled_at": row["canceled_at"],
        "cancellation_reason": row["cancellation_reason"],
        "capture_method": "automatic",
        "client_secret": row["client_secret"],
        "confirmation_method": "automatic",
        "created": row["created"],
        "currency": row["currency"],
        "customer": None,
        "description": details.get("description"),
        "last_payment_error": from_json(row["last_payment_error"]),
        "latest_charge": row["latest_charge"],
        "livemode": False,
        "metadata": from_json(row["metadata"]),
        "next_action": from_json(row["next_action"]),
        "payment_method": card["payment_method"] if card is not None else None,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": details.get("receipt_email"),
        "shipping": details.get("shipping"),
        "statement_descriptor": details.get("statement_descriptor"),
        "statement_descriptor_suffix": details.get("statement_descriptor_suffix"),
        "status": row["status"],
    }


def for_browsers(shown: dict[str, Any]) -> dict[str, Any]:
    """An intent without what is the shop's alone."""
    return {name: value for name, value in shown.items() if name not in _THE_SHOPS_ALONE}


def payment_method(card: dict[str, Any]) -> dict[str, Any]:
    """The card as a PaymentMethod, in errors and expanded."""
    shown = {name: card[name] for name in ("brand", "country", "exp_month", "exp_year", "funding", "last4")}
    # The same for the same number, as Stripe's: each test card has one number.
    shown["fingerprint"] = hashlib.sha256(card["method"].encode()).hexdigest()[:16]
    return {
        "id": card["payment_method"],
        "object": "payment_method",
        "card": shown,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def charge(row: Row) -> dict[str, Any]:
    """A Charge, succeeded or failed."""
    card = from_json(row["card"])
    failure = from_json(row["failure"]) or {}
    succeeded = row["status"] == "succeeded"
    shown = payment_method(card)["card"]
    return {
        "id": row["id"],
        "object": "charge",
        "amount": row["amount_minor"],
        "amount_captured": row["amount_minor"] if succeeded else 0,
        "amount_refunded": row["refunded_minor"],
        "captured": succeeded,
        "created": row["created"],
        "currency": row["currency"],
        "disputed": False,
        "failure_code": failure.get("code"),
        "failure_message": failure.get("message"),
        "livemode": False,
        "metadata": from_json(row["metadata"]),
        "outcome": {
            "network_status": "approved_by_network" if succeeded else "declined_by_network",
            "reason": failure.get("decline_code"),
            "type": "authorized" if succeeded else "issuer_declined",
        },
        "paid": succeeded,
        "payment_intent": row["intent_id"],
        "payment_method": card["payment_method"],
        "payment_method_details": {"card": shown, "type": "card"},
        "refunded": succeeded and row["refunded_minor"] == row["amount_minor"],
        "status": row["status"],
    }


def refund(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "refund",
        "amount": row["amount_minor"],
        "charge": row["charge_id"],
        "created": row["created"],
        "currency": row["currency"],
        "metadata": from_json(row["metadata"]),
        "payment_intent": row["intent_id"],
        "reason": row["reason"],
        "status": row["status"],
    }


def event(row: Row) -> dict[str, Any]:
    """As the API and the webhook show it."""
    return {
        "id": row["id"],
        "object": "event",
        "api_version": API_VERSION,
        "created": row["created"],
        "data": {"object": from_json(row["object"])},
        "livemode": False,
        "pending_webhooks": int(row["delivery"] == "pending"),
        "request": {"id": row["request_id"], "idempotency_key": row["idempotency_key"]},
        "type": row["type"],
    }
