"""The outermost layer of every web process, as one pure ASGI callable: binds the request context,
counts, times and logs the request, reports what nobody caught, and signs every response with
`X-Request-ID` and `X-Release`."""

from __future__ import annotations

import logging
import time
from collections.abc import MutableMapping
from typing import Any

import sentry_sdk
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.client_address import Proxies, client_address
from services.lifecycle import Lifecycle
from services.metrics import HttpMetrics
from services.request_context import current_request, read_context

logger = logging.getLogger("kiosk.request")


_KEY_LENGTH_MIN = 20  # of what may be somebody's key, in a path that is no route of ours


class RequestScope:
    def __init__(
        self, app: ASGIApp, service: str, release: str, lifecycle: Lifecycle, proxies: Proxies = ()
    ) -> None:
        self._app = app
        self._release = release.encode()
        self._lifecycle = lifecycle
        self._proxies = proxies
        self._metrics = HttpMetrics(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        context = read_context(scope["headers"])
        context.client_address = client_address(
            context.forwarded_for, scope.get("client"), self._proxies, internal=context.internal
        )
        token = current_request.set(context)
        signature = [(b"x-request-id", context.request_id.encode()), (b"x-release", self._release)]
        if self._lifecycle.draining:
            signature.append((b"connection", b"close"))
        status = 0

        async def send_signed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *signature]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_signed)
        except Exception as error:
            # Starlette has answered 500 already if it still could; here is where it is seen.
            logger.exception("unhandled error", extra={"facts": {"path": _path(scope)}})
            sentry_sdk.capture_exception(error)
            status = status or 500
        finally:
            self._metrics.in_flight.dec()
            self._finish(scope, status, time.perf_counter() - started)
            current_request.reset(token)

    def _finish(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        route = scope.get("route_template", "unmatched")
        method = scope.get("route_method", "other")
        self._metrics.observe(route, method, status, seconds)
        if logger.isEnabledFor(logging.INFO):
            facts = {"route": route, "status": status, "ms": round(seconds * 1000, 2)}
            logger.info("%s %s %s", scope["method"], _path(scope), status, extra={"facts": facts})


def _path(scope: MutableMapping[str, Any]) -> str:
    """The path as logs may know it: who reads a cart's id or an order's token could use it."""
    route: str = scope.get("route_template", "")
    if "{id}" in route or "{token}" in route:
        return route
    if route:
        return str(scope["path"])
    return "/".join(part if len(part) < _KEY_LENGTH_MIN else "..." for part in scope["path"].split("/"))
