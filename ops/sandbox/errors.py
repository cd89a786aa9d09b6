"""What the gateway refuses, in Stripe's words (docs.stripe.com/error-codes, docs.stripe.com/api/errors).

GatewayError
  Unauthenticated   401  no key, or an unknown one
  KeyNotAllowed     403  a publishable key where the secret one is needed
  InvalidRequest    400  a parameter, or the state of a thing
  NoSuchThing       404
  CardRefused       402  the card's number or date; nothing was tried yet
  KeyReused         400  an idempotency key with other parameters or at another endpoint
  KeyInUse          409  an idempotency key whose first request still runs
  RateLimited       429
  Broken            500  a fault mode
"""

from __future__ import annotations

from typing import Any


class GatewayError(Exception):
    """`saved`: whether the answer is kept under the idempotency key, as everything is that was decided
    after execution began; refusals before that are not."""

    status = 400
    kind = "invalid_request_error"
    code: str | None = None
    saved = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param
        if code is not None:
            self.code = code
        self.payment_intent: dict[str, Any] | None = None

    def body(self) -> dict[str, Any]:
        facts = {
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "payment_intent": self.payment_intent,
            "type": self.kind,
        }
        return {"error": {name: value for name, value in facts.items() if value is not None}}


class InvalidRequest(GatewayError):
    """The caller's mistake: `invalid_request_error`."""


class WrongState(InvalidRequest):
    """What is asked for does not fit the thing as it is now."""

    saved = True

    def __init__(
        self,
        message: str,
        intent: dict[str, Any] | None = None,
        *,
        code: str | None = "payment_intent_unexpected_state",
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.payment_intent = intent


class NoSuchThing(GatewayError):
    status, code = 404, "resource_missing"

    def __init__(self, what: str, identifier: str, param: str = "id") -> None:
        super().__init__(f"No such {what}: '{identifier}'", param=param)


class Unauthenticated(GatewayError):
    status = 401


class KeyNotAllowed(GatewayError):
    status, code = 403, "secret_key_required"


class CardRefused(GatewayError):
    status, kind, saved = 402, "card_error", True


class KeyReused(GatewayError):
    kind = "idempotency_error"


class KeyInUse(GatewayError):
    status, kind, code = 409, "idempotency_error", "idempotency_key_in_use"


class RateLimited(GatewayError):
    status, code = 429, "rate_limit"


class Broken(GatewayError):
    status, kind = 500, "api_error"

    def __init__(self) -> None:
        super().__init__("An unknown error occurred (the sandbox was told to fail).")
