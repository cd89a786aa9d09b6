"""Destinations for tests that need no engine."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ops.deploy.destination import Destination
from ops.deploy.ledger import Entry
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


def ledger_entry(number: int = 7, **changed: object) -> Entry:
    entry = Entry(
        number=number,
        release="20260102-030405-abcdef0",
        revision="abcdef0" * 5,
        who="ada@desk",
        started_at="2026-01-02T03:04:05Z",
        finished_at="2026-01-02T03:06:00Z",
        result="ok",
        kind="deploy",
        image=IMAGE,
        migrations_applied=["catalog/0004_colours.sql"],
        probed=2400,
        failed=0,
        p99_ms=37.4,
        reason=None,
        manifest=manifest(),
    )
    return msgspec.structs.replace(entry, **changed)
