"""Destinations for tests that need no engine."""

from __future__ import annotations

from pathlib import Path

from ops.deploy.destination import Destination
from ops.deploy.manifest import Manifest
from ops.deploy.render import render

IMAGE = "registry.example/kiosk@sha256:" + "0" * 64
CANARY = "canary"

SECRETS = {
    "ADMIN_API_KEY": f"{CANARY}-admin",
    "STAFF_ADMIN_PASSWORD": f"{CANARY}-staff-password",
    "DATABASE_URL": f"postgresql://kiosk:{CANARY}-owner@postgres:5432/kiosk",
    "REDIS_URL": f"redis://:{CANARY}-redis@redis:6379/0",
    "PAYMENT_SECRET_KEY": f"{CANARY}-secret-key",
    "PAYMENT_PUBLISHABLE_KEY": f"{CANARY}-publishable-key",
    "PAYMENT_WEBHOOK_SECRETS": f"{CANARY}-webhooks",
    "SES_USERNAME": f"{CANARY}-mail-account",
    "SES_PASSWORD": f"{CANARY}-mail-password",
    "SENTRY_DSN": f"https://{CANARY}-sentry@sentry.example/1",
    "REGISTRY_PASSWORD": f"{CANARY}-registry",
}
OPEN = {
    "PUBLIC_URL": "https://shop.example",
    "PAYMENT_API_URL": "https://gateway.example",
    "PAYMENT_PUBLIC_API_URL": "https://gateway.example",
    "SES_HOST": "mail.example",
    "SES_SENDER": "Kiosk <orders@shop.example>",
    "IMAGE_REPOSITORY": "registry.example/kiosk",
}


def destination(**variables: str) -> Destination:
    """A complete one; an empty value takes a variable away."""
    chosen = {**SECRETS, **OPEN, **variables}
    return Destination("test", Path(".env.test"), {name: value for name, value in chosen.items() if value})


def manifest(**variables: str) -> Manifest:
    return render(destination(**variables), release="r1", revision="abc", image=IMAGE)
