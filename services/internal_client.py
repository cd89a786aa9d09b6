"""Calls from one service to another, through Traefik's internal entrypoint.

Passes on who asks (`X-Request-ID`, `traceparent`, `X-Forwarded-For`) and how long they will still
wait (`X-Deadline-Ms`), so that nobody works for a caller who has gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NoReturn, TypeVar

import httpx
import msgspec

from services.errors import Conflict, FieldError, Invalid, Limited, NotFound, UpstreamUnavailable
from services.http_client import http_client
from services.request_context import current_request
from services.settings import ProcessSettings

T = TypeVar("T")


class InternalClient:
    """A pooled HTTP client for one process."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._timeout_seconds = settings.internal_timeout_seconds
        self._http = http_client(
            base_url=settings.internal_url,
            timeout=httpx.Timeout(settings.internal_timeout_seconds, connect=0.5, pool=0.5),
            # Traefik closes idle connections after 90 s; ours go first, so none is used while dying.
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30),
            headers={"Accept-Encoding": "identity", "User-Agent": f"kiosk/{settings.release}"},
        )

    async def get(self, path: str, answer: type[T], params: Mapping[str, Any] | None = None) -> T:
        """GETs `path` and decodes the JSON answer. Raises NotFound, Invalid (with the fields the
        other service named), Limited or UpstreamUnavailable (no answer, 5xx, or one we can't read).
        A stale answer is noted on the request at hand."""
        response = await self._request("GET", path, params=params)
        _note_age(response)
        return _decoded(response, answer)

    async def send(
        self,
        method: Literal["POST", "PUT", "DELETE"],
        path: str,
        answer: type[T],
        body: msgspec.Struct | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> T:
        """Changes something; `body` goes as JSON. Raises what `get` raises, and UpstreamConflict.
        After UpstreamUnavailable it is unknown whether it happened: only what carries an
        Idempotency-Key, or is a PUT or DELETE, may be asked again."""
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        response = await self._request(
            method, path, content=content, headers=sent, timeout_seconds=timeout_seconds
        )
        return _decoded(response, answer)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        **request: Any,
    ) -> httpx.Response:
        left = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        if (context := current_request.get()) is not None:
            left = context.seconds_left(left)
        try:
            return await self._http.request(
                method,
                path,
                headers={**self._headers(left), **(headers or {})},
                timeout=left or 0.001,
                **request,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UpstreamUnavailable() from error

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


class UpstreamConflict(Conflict):
    """The other service's 409. `problem` ends its type: `out-of-stock`; `facts` are its further members."""

    def __init__(self, problem: str, detail: str | None, facts: dict[str, Any]) -> None:
        super().__init__(detail)
        self.problem = problem
        self.facts = facts


class CallRefused(Exception):
    """The other service can't read what we sent: a mistake in our own code."""


class _InvalidAnswer(msgspec.Struct):
    errors: list[FieldError] = []


_OF_EVERY_PROBLEM = {"type", "title", "status", "detail", "request_id"}


def _note_age(response: httpx.Response) -> None:
    """`Age` is in seconds (RFC 9111, section 5.1)."""
    context = current_request.get()
    if context is not None and response.headers.get("x-stale") == "1":
        age = response.headers.get("age", "")
        context.note_stale(float(age) if age.isascii() and age.isdigit() else 0.0)


def _decoded(response: httpx.Response, answer: type[T]) -> T:
    if response.status_code not in (200, 201):
        _refuse(response)
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise UpstreamUnavailable("answered something else") from error


def _refuse(response: httpx.Response) -> NoReturn:
    status = response.status_code
    if status == 404:
        raise NotFound()
    if status == 409:
        raise _conflict(response)
    if status == 422:
        raise Invalid(msgspec.json.decode(response.content, type=_InvalidAnswer).errors)
    if status == 429:
        raise Limited(retry_after_seconds=response.headers.get("retry-after", "1"))
    if status in (400, 413, 415):
        raise CallRefused(f"{response.request.method} {response.request.url.path}: {response.text[:500]}")
    raise UpstreamUnavailable(f"answered {status}")


def _conflict(response: httpx.Response) -> UpstreamConflict:
    problem: dict[str, Any] = msgspec.json.decode(response.content)
    slug = str(problem.get("type", "")).rpartition("/")[2]
    facts = {name: value for name, value in problem.items() if name not in _OF_EVERY_PROBLEM}
    if retry_after := response.headers.get("retry-after"):
        facts["retry_after_seconds"] = retry_after
    return UpstreamConflict(slug, problem.get("detail"), facts)
