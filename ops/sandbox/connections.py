"""Connections that end badly on purpose: ASGI has no word for it, so the server lends its transport."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.http_protocol import refuse_upgrade

_TRANSPORT = "kiosk.transport"


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's own protocol; each request can reach the connection it came by."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][_TRANSPORT] = self.transport

    def on_headers_complete(self) -> None:
        refuse_upgrade(self.parser)
        super().on_headers_complete()


class Nothing(Response):
    """No answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["state"][_TRANSPORT]
        transport.abort()


def cut(_request: Request) -> Response:
    """Ends the connection as a crash would: no status line, no body."""
    return Nothing()


async def hung_up(request: Request) -> None:
    """Waits until the client has gone, or the sandbox ends."""
    try:
        while (await request.receive())["type"] != "http.disconnect":
            continue
    except asyncio.CancelledError:  # uvicorn would answer 500 for us; no answer was promised
        return
