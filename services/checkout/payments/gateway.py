"""The payment gateway, spoken to as Stripe's API v1 is (https://docs.stripe.com/api).

Every call that changes something carries a key of ours, so it may be made again after any silence.
Silence and failure are told apart: `GatewayUnavailable` means that nobody knows whether it
happened, `GatewayRefused` that the gateway said no. One that does not answer is left alone for some
seconds, which is a silence, too: payments stay as they are, and jobs ask again.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any, TypeVar

import httpx
import msgspec

from services.call_guard import CallGuard, CallNotMade, Verdict
from services.checkout.outside_calls import OutsideCalls
from services.checkout.payments.gateway_shapes import (
    ErrorAnswer,
    GatewayError,
    GatewayRefund,
    GatewayRefunds,
    Intent,
    Intents,
    without_nul,
)
from services.errors import Conflict, UpstreamUnavailable
from services.http_client import http_client
from services.settings import PaymentSettings

T = TypeVar("T")

_API_VERSION = "2025-03-31.basil"
# Dearer calls than services make each other: it takes more to give up on the gateway, and less to come back.
_BREAKER_FAILURES = 10
_BREAKER_OPEN_SECONDS, _BREAKER_OPEN_MAX_SECONDS = 1.0, 8.0


class GatewayUnavailable(UpstreamUnavailable):
    """No answer, or none that says what happened. `stored`: the gateway keeps this failure under the
    key and will never answer anything else to it."""

    slug, title = "payment-gateway-unavailable", "The payment gateway can't be reached right now"

    def __init__(self, detail: str, *, stored: bool = False) -> None:
        super().__init__(detail)
        self.stored = stored


class GatewayRefused(Conflict):
    """The gateway understood and declined; `error` is its word."""

    slug, title = "payment-gateway-refused", "The payment gateway refused"

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class Gateway:
    """A pooled client for one process."""

    def __init__(self, settings: PaymentSettings, calls: OutsideCalls) -> None:
        self.provider = settings.payment_provider
        self.publishable_key = settings.payment_publishable_key
        self.public_api_url = settings.payment_public_api_url.rstrip("/")
        self.webhook_secrets = [s.strip() for s in settings.payment_webhook_secrets.split(",") if s.strip()]
        self.request_timeout_seconds = settings.payment_timeout_seconds
        self._calls = calls
        self.guard = CallGuard(
            "payment_gateway",
            calls_max=settings.payment_calls_max,
            wait_seconds=settings.payment_timeout_seconds / 2,
            failures=_BREAKER_FAILURES,
            open_seconds=_BREAKER_OPEN_SECONDS,
            open_max_seconds=_BREAKER_OPEN_MAX_SECONDS,
        )
        self._http = http_client(
            base_url=settings.payment_api_url.rstrip("/"),
            timeout=settings.payment_timeout_seconds,
            headers={
                "Authorization": f"Bearer {settings.payment_secret_key}",
                "Stripe-Version": _API_VERSION,
            },
        )

    async def create_intent(
        self, attempt_id: uuid.UUID, key_number: int, amount_minor: int, currency: str, order_number: str
    ) -> Intent:
        form = {
            "amount": str(amount_minor),
            "currency": currency.lower(),
            "automatic_payment_methods[enabled]": "true",
            "description": f"Order {order_number}",
            "metadata[order]": order_number,
            "metadata[attempt]": str(attempt_id),
        }
        return await self._post("/v1/payment_intents", Intent, form, f"{attempt_id}.{key_number}")

    async def find_intent(self, attempt_id: uuid.UUID, since: float) -> Intent | None:
        """The intent made for an attempt, among the newest 100 of the time since (Unix seconds)."""
        query = {"limit": "100", "created[gte]": str(int(since))}
        found = await self._call("GET", "/v1/payment_intents", Intents, params=query)
        return next((intent for intent in found.data if intent.attempt_id == str(attempt_id)), None)

    async def intent(self, intent_id: str) -> Intent:
        return await self._call("GET", f"/v1/payment_intents/{intent_id}", Intent)

    async def cancel_intent(self, intent_id: str) -> Intent:
        """The intent as it stands afterwards: cancelled, or in the state that forbids it."""
        try:
            return await self._post(f"/v1/payment_intents/{intent_id}/cancel", Intent, {}, None)
        except GatewayRefused as refused:
            if refused.error.payment_intent is not None:
                return refused.error.payment_intent
            return await self.intent(intent_id)

    async def create_refund(
        self, refund_id: uuid.UUID, key_number: int, intent_id: str, amount_minor: int
    ) -> GatewayRefund:
        form = {
            "payment_intent": intent_id,
            "amount": str(amount_minor),
            "metadata[refund]": str(refund_id),
        }
        return await self._post("/v1/refunds", GatewayRefund, form, f"{refund_id}.{key_number}")

    async def find_refund(self, refund_id: uuid.UUID, intent_id: str) -> GatewayRefund | None:
        query = {"payment_intent": intent_id, "limit": "100"}
        found = await self._call("GET", "/v1/refunds", GatewayRefunds, params=query)
        return next((r for r in found.data if r.metadata.get("refund") == str(refund_id)), None)

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, path: str, answer: type[T], form: dict[str, str], key: str | None) -> T:
        headers = {"Idempotency-Key": key} if key else {}
        return await self._call("POST", path, answer, data=form, headers=headers)

    async def _call(self, method: str, path: str, answer: type[T], **content: Any) -> T:
        """Raises GatewayUnavailable, GatewayRefused."""
        try:
            async with self.guard.call(self.request_timeout_seconds) as verdict:
                return await self._asked(verdict, method, path, answer, **content)
        except CallNotMade as refusal:
            raise GatewayUnavailable("is not asked now") from refusal

    async def _asked(self, verdict: Verdict, method: str, path: str, answer: type[T], **content: Any) -> T:
        started = time.monotonic()
        error: str | None = None
        try:
            # httpx counts each silence by itself: an answer that comes in drops would never be late.
            async with asyncio.timeout(verdict.seconds_left):
                said = _read(await self._http.request(method, path, **content), answer)
            verdict.answered = True
            return said
        except GatewayRefused:
            verdict.answered = True
            raise
        except (httpx.HTTPError, TimeoutError) as failure:
            error = repr(failure)
            raise GatewayUnavailable(type(failure).__name__) from failure
        except (GatewayUnavailable, asyncio.CancelledError) as failure:  # cancelled: out of patience
            error = repr(failure)
            raise
        finally:
            await self._calls.record("payment_gateway", error, (time.monotonic() - started) * 1000)


def _read(response: httpx.Response, answer: type[T]) -> T:
    """Raises GatewayUnavailable for 5xx, 429, a twin in flight, keys it does not know (which the operator
    will mend) and anything that isn't Stripe's language; GatewayRefused for every other 4xx."""
    try:
        content = without_nul(response.content)
        if response.status_code < 300:
            return msgspec.json.decode(content, type=answer)
        error = msgspec.json.decode(content, type=ErrorAnswer).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
        raise GatewayUnavailable(f"answered {response.status_code} in another language") from unreadable
    if response.status_code >= 500:
        stored = response.headers.get("Idempotent-Replayed") == "true"
        raise GatewayUnavailable(f"answered {response.status_code}", stored=stored)
    if response.status_code in (401, 403, 409, 429):
        raise GatewayUnavailable(f"answered {response.status_code}: {error.code}")
    raise GatewayRefused(error)
