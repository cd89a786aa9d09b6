"""What a page may load and run: only our own files, and pictures over https. No inline script or style,
so markup smuggled into a title could do nothing even if it were not escaped."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.storefront.checkout_client import Payment

_NAME = b"content-security-policy"
_DIRECTIVES = {
    "default-src": "'self'",
    "img-src": "'self' https: data:",
    "script-src": "'self'",
    "style-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
# What Stripe.js needs (https://docs.stripe.com/security/guide#content-security-policy).
_STRIPE = {
    "script-src": "'self' https://js.stripe.com https://*.js.stripe.com",
    "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
    "connect-src": "'self' https://api.stripe.com",
}


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


_POLICY = _policy(_DIRECTIVES).encode()


def payment_policy(payment: Payment) -> str:
    """The policy of a page on which one pays: the browser may also talk to the gateway."""
    if payment.provider == "stripe":
        return _policy(_DIRECTIVES | _STRIPE)
    gateway = urlsplit(payment.api_base)
    return _policy(_DIRECTIVES | {"connect-src": f"'self' {gateway.scheme}://{gateway.netloc}"})


class ContentSecurity:
    """Puts the policy on every response that has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name == _NAME for name, _ in headers):
                    message = {**message, "headers": [*headers, (_NAME, _POLICY)]}
            await send(message)

        await self._app(scope, receive, send_with_policy)
