"""Calls from one service to another, through Traefik's internal entrypoint.

Passes on who asks (`X-Request-ID`, `traceparent`, `X-Forwarded-For`) and how long they will still
wait (`X-Deadline-Ms`), so that nobody works for a caller who has gone; and whether it is for an order
(`X-Reserved`), which then has the reserved places of each service on its way.

Each service that is asked has a guard of its own (call_guard.py): one that is slow takes no other with it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, NoReturn, TypeVar

import httpx
import msgspec

from services.call_guard import CallGuard, CallNotMade
from services.errors import Conflict, FieldError, Invalid, Limited, NotFound, UpstreamUnavailable
from services.http_client import http_client
from services.request_context import current_request
from services.settings import ProcessSettings

T = TypeVar("T")

_AGAIN_SECONDS = (0.02, 0.08)  # Traefik may have noticed by then which replica has gone
_CONNECT_SECONDS = 0.5  # a node that is gone drops what is sent to it; another may be there


class InternalClient:
    """A pooled HTTP client for one process."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._guards: dict[str, CallGuard] = {}
        self._http = http_client(
            base_url=settings.internal_url,
            # Traefik closes idle connections after 90 s; ours go first, so none is used while dying.
            # How many there are at once is the guards' business.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30),
            headers={"Accept-Encoding": "identity", "User-Agent": f"kiosk/{settings.release}"},
        )

    async def get(
        self,
        path: str,
        answer: type[T],
        params: Mapping[str, Any] | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> T:
        """GETs `path` and decodes the JSON answer. Raises NotFound, Invalid (with the fields the
        other service named), UpstreamLimited or UpstreamUnavailable (no answer, 5xx, one we can't read, a 404
        of nobody's, or not asked because it has not answered lately). A stale answer is noted on the request
        at hand."""
        response = await self._request("GET", path, params=params, timeout_seconds=timeout_seconds)
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
        patience = timeout_seconds or self._settings.internal_timeout_seconds
        ends, guard = time.monotonic() + patience, self._guard(path)
        request["headers"] = headers or {}
        outcome = await self._once(guard, patience, method, path, request)
        again = method == "GET" or "Idempotency-Key" in request["headers"]
        if again and _is_worth_another_try(outcome) and guard.may_retry():
            await asyncio.sleep(random.uniform(*_AGAIN_SECONDS))  # noqa: S311
            outcome = await self._once(guard, ends - time.monotonic(), method, path, request)
        if isinstance(outcome, Exception):
            raise UpstreamUnavailable() from outcome
        return outcome

    async def _once(
        self, guard: CallGuard, patience: float, method: str, path: str, request: dict[str, Any]
    ) -> httpx.Response | Exception:
        """The answer, or why there is none."""
        try:
            async with guard.call(patience) as verdict:
                left = verdict.seconds_left
                timeout = httpx.Timeout(left, connect=min(_CONNECT_SECONDS, left))
                sent = {**request, "headers": {**self._headers(left), **request["headers"]}}
                try:
                    # httpx counts each silence by itself: an answer that comes in drops would never be late.
                    async with asyncio.timeout(left):
                        response = await self._http.request(method, path, timeout=timeout, **sent)
                except (httpx.InvalidURL, httpx.LocalProtocolError):
                    verdict.answered = True  # what can't be sent says nothing about whom it was for
                    raise
                verdict.answered = not _is_silence(response)
                return response
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, CallNotMade) as error:
            return error

    def _guard(self, path: str) -> CallGuard:
        """By the service that is asked: `/api/checkout/...`, `/internal/catalog/...`."""
        target = path.split("/")[1:3][-1]
        if (guard := self._guards.get(target)) is None:
            settings = self._settings
            guard = self._guards[target] = CallGuard(
                target,
                calls_max=settings.internal_calls_max,
                wait_seconds=settings.internal_wait_seconds,
                failures=settings.internal_breaker_failures,
                open_seconds=settings.internal_breaker_open_seconds,
                open_max_seconds=settings.internal_breaker_open_max_seconds,
                retry_share=settings.internal_retry_share,
            )
        return guard

    def _headers(self, seconds_left: float) -> dict[str, str]:
        headers = {"X-Deadline-Ms": str(round(seconds_left * 1000))}
        if (context := current_request.get()) is not None:
            headers["X-Request-ID"] = context.request_id
            if context.traceparent:
                headers["traceparent"] = context.traceparent
            if context.forwarded_for:
                headers["X-Forwarded-For"] = context.forwarded_for
            if context.reserved:
                headers["X-Reserved"] = "1"
        return headers

    async def close(self) -> None:
        await self._http.aclose()


class UpstreamConflict(Conflict):
    """The other service's 409. `problem` ends its type: `out-of-stock`; `facts` are its further members."""

    def __init__(self, problem: str, detail: str | None, facts: dict[str, Any]) -> None:
        super().__init__(detail)
        self.problem = problem
        self.facts = facts


class UpstreamLimited(Limited):
    """The other service's 429. `problem` ends its type: `too-many-declines`."""

    def __init__(self, problem: str, wait_seconds: int) -> None:
        super().__init__(retry_after_seconds=wait_seconds)
        self.problem = problem
        self.wait_seconds = wait_seconds


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


def _is_silence(response: httpx.Response) -> bool:
    """Whether Traefik answered because the service did not. A service of ours that is too busy, or whose
    database is away, says so itself and says when to come back: it is there, and not asking it at all would
    turn a part of the requests refused into all of them."""
    return response.status_code in (502, 504) or _is_gateways_503(response) or _is_strangers_404(response)


def _is_gateways_503(response: httpx.Response) -> bool:
    return response.status_code == 503 and "retry-after" not in response.headers


def _is_strangers_404(response: httpx.Response) -> bool:
    """Not of a service of ours, which would give a problem (RFC 9457): so nothing is known of the thing."""
    said = response.headers.get("content-type", "")
    return response.status_code == 404 and not said.startswith("application/problem+json")


def _is_worth_another_try(outcome: httpx.Response | Exception) -> bool:
    """Not after a silence: the time is over, and the service may be at it still."""
    if isinstance(outcome, Exception):
        cut = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)
        return isinstance(outcome, cut)
    return outcome.status_code == 502 or _is_gateways_503(outcome)


def _decoded(response: httpx.Response, answer: type[T]) -> T:
    if response.status_code not in (200, 201):
        _refuse(response)
    try:
        return msgspec.json.decode(response.content, type=answer)
    except msgspec.DecodeError as error:
        raise UpstreamUnavailable("answered something else") from error


def _refuse(response: httpx.Response) -> NoReturn:
    status = response.status_code
    if status == 404 and not _is_strangers_404(response):
        raise NotFound()
    if status == 409:
        raise _conflict(response)
    if status == 422:
        raise Invalid(msgspec.json.decode(response.content, type=_InvalidAnswer).errors)
    if status == 429:
        raise _limited(response)
    if status in (400, 413, 415):
        raise CallRefused(f"{response.request.method} {response.request.url.path}: {response.text[:500]}")
    if status == 503 and (retry_after := response.headers.get("retry-after")):
        raise UpstreamUnavailable("answered 503", retry_after_seconds=retry_after)
    raise UpstreamUnavailable(f"answered {status}")


def _conflict(response: httpx.Response) -> UpstreamConflict:
    problem: dict[str, Any] = msgspec.json.decode(response.content)
    slug = _slug_of(problem)
    facts = {name: value for name, value in problem.items() if name not in _OF_EVERY_PROBLEM}
    if retry_after := response.headers.get("retry-after"):
        facts["retry_after_seconds"] = retry_after
    return UpstreamConflict(slug, problem.get("detail"), facts)


def _limited(response: httpx.Response) -> UpstreamLimited:
    """Traefik's own is no problem, but plain text."""
    slug = Limited.slug
    with suppress(msgspec.DecodeError):
        slug = _slug_of(msgspec.json.decode(response.content, type=dict[str, Any])) or slug
    given = response.headers.get("retry-after", "")
    return UpstreamLimited(slug, int(given) if given.isascii() and given.isdigit() else 1)


def _slug_of(problem: dict[str, Any]) -> str:
    return str(problem.get("type", "")).rpartition("/")[2]
