"""Between the request's scope and the service: refuses what is too much before any work is done."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import ShopError
from services.limits.asked import Asked
from services.limits.limiter import Limiter
from services.operations import is_admin_key
from services.request_context import current_request

REFUSAL = "kiosk.refusal"  # where the refusing app finds the error in its scope
_OTHER_SITES = (b"cross-site", b"same-site")  # https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header


class LimitsLayer:
    """`refuse` answers as the service would: with a page where people read. It finds the error in its
    scope."""

    def __init__(self, app: ASGIApp, refuse: ASGIApp, limiter: Limiter, admin_key: str | None) -> None:
        self._app = app
        self._refuse = refuse
        self._limiter = limiter
        self._admin_key = admin_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = self._read(scope)
        try:
            await self._limiter.admit(asked)
        except ShopError as error:
            scope[REFUSAL] = error
            await self._refuse(scope, receive, send)
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, noting)
        if status == 401:
            await self._limiter.answered(asked, status)

    def _read(self, scope: Scope) -> Asked:
        context = current_request.get()
        key = probe = site = None
        authorization = ""
        for name, value in scope["headers"]:
            if name == b"idempotency-key":
                key = value.decode("latin-1")
            elif name == b"x-probe-key":
                probe = value.decode("latin-1")
            elif name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"sec-fetch-site":
                site = value
        admin = is_admin_key(authorization, self._admin_key)
        internal, address = (context.internal, context.client_address) if context else (False, None)
        foreign = site in _OTHER_SITES
        return Asked(scope["method"], scope["path"], address, internal, key, probe, admin, foreign)
