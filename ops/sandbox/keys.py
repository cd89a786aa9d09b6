"""Who calls: the shop's server with its secret key, or a shopper's browser with an intent's secret."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

from starlette.requests import Request

from ops.sandbox.errors import InvalidRequest, KeyNotAllowed, Unauthenticated
from ops.sandbox.store import Row
from services.settings import Group


class SandboxKeys(Group, frozen=True):
    """The same variables that the services read."""

    payment_secret_key: str
    payment_publishable_key: str
    payment_webhook_secrets: str

    @property
    def signing_secret(self) -> str:
        """The first signs; receivers believe any of them."""
        return self.payment_webhook_secrets.partition(",")[0].strip()


@dataclass(frozen=True, slots=True)
class Caller:
    """`secret_key`: it may do everything. Otherwise only what the intent's secret opens."""

    secret_key: bool
    client_secret: str | None = None

    def check(self, intent: Row) -> None:
        """Raises InvalidRequest unless the caller may see this intent."""
        if self.client_secret is None and self.secret_key:
            return
        given = (self.client_secret or "").encode()
        if not hmac.compare_digest(given, str(intent["client_secret"]).encode()):
            message = (
                "The client_secret provided does not match any associated PaymentIntent on this account."
                " Ensure the publishable key used belongs to the same account that created the PaymentIntent."
            )
            raise InvalidRequest(message, param="client_secret")


def identify(
    request: Request, given_key: str | None, client_secret: str | None, keys: SandboxKeys, *, public: bool
) -> Caller:
    """`given_key` is a key among the parameters (Stripe.js sends it so), `public` whether browsers may
    do this at all. Raises Unauthenticated, KeyNotAllowed."""
    key = _key_in(request) or given_key
    if key is not None and hmac.compare_digest(key.encode(), keys.payment_secret_key.encode()):
        return Caller(True, client_secret)
    publishable = keys.payment_publishable_key.encode()
    if key is not None and not hmac.compare_digest(key.encode(), publishable):
        raise Unauthenticated(f"Invalid API Key provided: {_masked(key)}")
    if public and client_secret is not None:
        return Caller(False, client_secret)
    if key is not None and not public:
        raise KeyNotAllowed("This API call cannot be made with a publishable API key. Use a secret API key.")
    if key is not None:
        raise InvalidRequest("Missing required param: client_secret.", code="parameter_missing")
    raise Unauthenticated("You did not provide an API key. Use 'Authorization: Bearer YOUR_SECRET_KEY'.")


def _key_in(request: Request) -> str | None:
    """Of `Bearer KEY`, or the user name of `Basic` (what `curl -u KEY:` sends)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthenticated("Invalid Basic credentials") from None


def _masked(key: str) -> str:
    return key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
