"""How long a signature is good, and while secrets are changed, whose."""

import hashlib
import hmac
import time

import pytest

from services.checkout.errors import SignatureWrong
from services.checkout.payments.signatures import verify_signature

BODY = b'{"id": "evt_1"}'


def _signed(secret: str, seconds_ago: float = 0.0) -> str:
    at = int(time.time() - seconds_ago)
    digest = hmac.new(secret.encode(), b"%d." % at + BODY, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def test_a_signature_is_good_for_five_minutes() -> None:
    verify_signature(_signed("whsec_a", seconds_ago=280), BODY, ["whsec_a"])
    with pytest.raises(SignatureWrong):
        verify_signature(_signed("whsec_a", seconds_ago=310), BODY, ["whsec_a"])


def test_two_secrets_are_good_while_one_is_changed() -> None:
    for secret in ("whsec_old", "whsec_new"):
        verify_signature(_signed(secret), BODY, ["whsec_new", "whsec_old"])
    with pytest.raises(SignatureWrong):
        verify_signature(_signed("whsec_older"), BODY, ["whsec_new", "whsec_old"])
