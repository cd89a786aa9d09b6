"""The webhook's signature: `Stripe-Signature: t=<unix>,v1=<hex>[,v1=...]`, an HMAC-SHA256 over
`<t>.<raw body>` (https://docs.stripe.com/webhooks#verify-manually). Any secret and any v1 may match,
so that secrets can be changed without losing an event."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence

from services.checkout.errors import SignatureWrong

TOLERANCE_SECONDS = 300


def verify_signature(header: str, body: bytes, secrets: Sequence[str]) -> None:
    """Raises SignatureWrong unless one of the secrets has signed this body within the last 5 minutes."""
    timestamp, given = "", []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            timestamp = value
        elif name == "v1":
            given.append(value.encode())
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise SignatureWrong()
    signed = timestamp.encode() + b"." + body
    expected = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest().encode() for s in secrets]
    if not any(hmac.compare_digest(e, g) for e in expected for g in given):
        raise SignatureWrong()
    if int(timestamp) < time.time() - TOLERANCE_SECONDS:
        raise SignatureWrong("The signature is too old")
