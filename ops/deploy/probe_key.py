"""What the probe shows so that nobody limits it: RATE_LIMIT_PROBE_KEY, or one that follows from the secret
that every destination has."""

from __future__ import annotations

import hashlib
import hmac

from ops.deploy.destination import Destination

HEADER = "X-Probe-Key"


def probe_key(destination: Destination) -> str | None:
    """None where there is nothing to make one of."""
    if chosen := destination.value("RATE_LIMIT_PROBE_KEY"):
        return chosen
    secret = destination.value("DATABASE_URL")
    return secret and hmac.new(secret.encode(), b"kiosk deploy probe", hashlib.sha256).hexdigest()
