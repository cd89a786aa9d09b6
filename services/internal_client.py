"""Calls from one service to another, through Traefik's internal entrypoint.

Passes on who asks (`X-Request-ID`, `traceparent`, `X-Forwarded-For`) and how long they will still
wait (`X-Deadline-Ms`), so that nobody works for a caller who has gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from services.errors import FieldError, Invalid, NotFound, UpstreamUnavailable
from services.request_context import current_request
from services.settings import ProcessSettings

T = TypeVar("T")


class InternalClient:
    """A pooled HTTP client for one process."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._timeout_seconds = settings.internal_timeout_seconds
        self._http = httpx.AsyncClient(
            base_url=settings.internal_url,
            timeout=httpx.Timeout(settings.internal_timeout_seconds, connect=0.5, pool=0.5),
            # Traefik closes idle connections after 90 s; ours go first, so none is used while dying.
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30),
            headers={"Accept-Encoding": "identity", "User-Agent": f"kiosk/{settings.release}"},
            trust_env=False,
        )

    async def get(self, path: str, answer: type[T], params: Mapping[str, Any] | None = None) -> T:
        """GETs `path` and decodes the JSON answer. Raises NotFound, Invalid (with the fields the
        other service named) or UpstreamUnavailable (no answer, 5xx, or one we can't read)."""
        left = self._timeout_seconds
        if (context := current_request.get()) is not None:
            left = context.seconds_left(left)
        try:
            response = await self._http.get(
                path, params=params, headers=self._headers(left), timeout=left or 0.001
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamUnavailable() from error
        if response.status_code == 404:
            raise NotFound()
        if response.status_code == 422:
            raise Invalid(msgspec.json.decode(response.content, type=_InvalidAnswer).errors)
        if response.status_code != 200:
            raise UpstreamUnavailable(f"answered {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.DecodeError as error:
            raise UpstreamUnavailable("answered something else") from error

    def _headers(self, seconds_left: float) -> dict[str, str]:
        headers = {"X-Deadline-Ms": str(int(seconds_left * 1000))}
        if (context := current_request.get()) is not None:
            headers["X-Request-ID"] = context.request_id
            if context.traceparent:
                headers["traceparent"] = context.traceparent
            if context.forwarded_for:
                headers["X-Forwarded-For"] = context.forwarded_for
        return headers

    async def close(self) -> None:
        await self._http.aclose()


class _InvalidAnswer(msgspec.Struct):
    errors: list[FieldError] = []
