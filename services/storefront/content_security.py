"""What a page may load and run: only our own files, and pictures over https. No inline script or style,
so markup smuggled into a title could do nothing even if it were not escaped."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAME = b"content-security-policy"
_POLICY = (
    b"default-src 'self'; img-src 'self' https: data:; script-src 'self'; style-src 'self'; "
    b"object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


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
