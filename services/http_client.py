"""Calls over HTTP to others: httpx, with every way that a connection can die told as `httpx.HTTPError`.

Two of them it does not know. Where a peer hangs up the moment it was reached, httpcore asks a socket for
its facts that is not there any more (AttributeError); and uvloop answers whoever uses a transport that was
closed meanwhile with a bare RuntimeError (https://github.com/MagicStack/uvloop/issues/506). A caller that is
prepared for a service's death would end as if it were a mistake of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx

_DEAD = (AttributeError, RuntimeError)


def http_client(*, limits: httpx.Limits | None = None, **options: Any) -> httpx.AsyncClient:
    """A pooled client past any proxy of the environment; `options` are those of `httpx.AsyncClient`."""
    transport = _Transport(limits=limits or httpx.Limits(), trust_env=False)
    return httpx.AsyncClient(transport=transport, trust_env=False, **options)


class _Transport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await super().handle_async_request(request)
        except _DEAD as error:
            raise httpx.NetworkError(repr(error), request=request) from error
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Body(response.stream, request)
        return response


class _Body(httpx.AsyncByteStream):
    """An answer's bytes as they come."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._stream:
                yield part
        except _DEAD as error:
            raise httpx.ReadError(repr(error), request=self._request) from error

    async def aclose(self) -> None:
        await self._stream.aclose()
