"""Names of things, in Stripe's manner: `pi_` and 24 letters and digits."""

from __future__ import annotations

import secrets
import string

_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Unguessable: some of them are keys, such as the one in a client secret."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(24))}"
