"""One operation of the HTTP API: its route, what it takes, what it answers, what may go wrong.

The same declaration decodes the request, guards the admin's operations and writes the OpenAPI
document, so that the three can't disagree. An endpoint gets a `Call` and returns a struct (sent as
JSON) or an ASGI callable such as a `Response`; it raises `ShopError`s.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.decode import Nothing, decode_body, decode_query, require_media_type
from services.errors import (
    Banned,
    Invalid,
    Limited,
    Malformed,
    NotFound,
    ShopError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from services.request_context import current_request
from services.same_origin import ForeignRequest, refuse_other_sites
from services.settings import ProcessSettings

R = TypeVar("R")
Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)

LINES_MEDIA_TYPE = "application/x-ndjson"

# How requests for an operation are let in when there are too many: admission.py.
Precedence = Literal["ordinary", "reserved", "exempt"]

_encoder = msgspec.json.Encoder()
# What an endpoint computes for one caller; answers that may be kept say so themselves.
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Call(Generic[R, Q, B]):
    """One request, decoded: the service's resources, the query and the body."""

    request: Request
    resources: R
    query: Q
    body: B

    def path(self, name: str) -> str:
        """A path parameter. One with a NUL can't name anything we store: NotFound."""
        value: str = self.request.path_params[name]
        if "\x00" in value:
            raise NotFound()
        return value


class JsonResponse(Response):
    """A struct or plain value as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _encoder.encode(content)


@dataclass(frozen=True)
class Operation:
    """A line of a service's route table; build it with `operation()`."""

    method: str
    path: str
    endpoint: Callable[[Any], Awaitable[Any]]
    summary: str
    query: type[msgspec.Struct]
    body: type[msgspec.Struct]
    answer: Any
    status: int
    problems: tuple[type[ShopError], ...]
    admin: bool
    page: bool
    body_bytes_max: int | None
    lines: type[msgspec.Struct] | None
    body_required: bool
    idempotency_key: Literal["required", "accepted"] | None
    guard: Callable[[Request, Any], Awaitable[None]] | None
    admission: Precedence
    cached: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        state = scope["app"].state
        settings: ProcessSettings = state.settings
        if self.inner:
            require_inner_door()
        if not self.page:  # pages have forms, which are stricter
            refuse_other_sites(request)
        if self.admin:
            require_admin_key(request, settings.admin_api_key)
        if self.guard is not None:
            await self.guard(request, state.resources)
        query = decode_query(scope["query_string"], self.query, strict=not self.page)
        if self.lines is not None:
            require_media_type(request, LINES_MEDIA_TYPE)
        body: msgspec.Struct = (
            self.body()
            if self.body is Nothing or not (self.body_required or _has_body(request))
            else await decode_body(request, self.body, self.body_bytes_max or settings.body_max_bytes)
        )
        answer = await self.endpoint(Call(request, state.resources, query, body))
        respond: ASGIApp = answer if callable(answer) else JsonResponse(answer, self.status, _NO_STORE)
        await respond(scope, receive, send)

    @property
    def public(self) -> bool:
        """Whether the OpenAPI document tells of it: pages and what services ask each other stay out."""
        return not self.page and not self.path.startswith("/internal/")

    @property
    def inner(self) -> bool:
        """Whether only our own services may ask. Traefik keeps the path from the world; this holds should it
        ever be told otherwise. Of the maintenance page, a page, Traefik asks in the shopper's own name."""
        return self.path.startswith("/internal/") and not self.page

    @property
    def possible_problems(self) -> tuple[type[ShopError], ...]:
        """What the declaration itself implies, and what the endpoint adds."""
        implied: list[type[ShopError]] = [Unavailable, Limited, Banned]
        if not self.page:
            implied += [Malformed, Invalid]
            if self.method != "GET":
                implied.append(ForeignRequest)
        if self.body is not Nothing:
            implied += [TooLarge, UnsupportedMediaType]
        if self.lines is not None:
            implied.append(UnsupportedMediaType)
        if self.admin:
            implied.append(Unauthorized)
        if "{" in self.path:
            implied.append(NotFound)
        return tuple(dict.fromkeys((*implied, *self.problems)))


def operation(
    method: str,
    path: str,
    endpoint: Callable[[Call[R, Q, B]], Awaitable[Any]],
    summary: str,
    *,
    query: type[Q] = Nothing,  # type: ignore[assignment]  # a TypeVar's default can't be declared before 3.13
    body: type[B] = Nothing,  # type: ignore[assignment]
    answer: Any = None,
    status: int = 200,
    problems: tuple[type[ShopError], ...] = (),
    admin: bool = False,
    page: bool = False,
    body_bytes_max: int | None = None,
    lines: type[msgspec.Struct] | None = None,
    body_required: bool = True,
    idempotency_key: Literal["required", "accepted"] | None = None,
    guard: Callable[[Request, Any], Awaitable[None]] | None = None,
    admission: Precedence = "ordinary",
    cached: bool = False,
) -> Operation:
    """Declares an operation. `page=True` is a storefront page: unknown parameters are ignored and
    it stays out of the OpenAPI document. `lines` is what each line of a streamed NDJSON body is: the
    endpoint reads and decodes it itself, from `call.request.stream()`. A body that is not required may
    be left out when all its fields have defaults. `idempotency_key` only documents the header. `guard` gets
    the request and the service's resources before anything is decoded, and raises what it objects to.
    `admission`: in a rush, `reserved` has a share of the places for itself; `exempt` takes none (what lasts,
    or costs nothing). `cached` only documents that the answer has an ETag, for which there may be a 304."""
    return Operation(
        method,
        path,
        endpoint,
        summary,
        query,
        body,
        answer,
        status,
        problems,
        admin,
        page,
        body_bytes_max,
        lines,
        body_required,
        idempotency_key,
        guard,
        admission,
        cached,
    )


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0").strip()
    return length != "0" or "transfer-encoding" in request.headers


def require_inner_door() -> None:
    """Raises NotFound unless the request came by the internal entrypoint."""
    context = current_request.get()
    if context is None or not context.internal:
        raise NotFound()


def require_admin_key(request: Request, key: str | None) -> None:
    """Raises Unauthorized unless the request carries `Authorization: Bearer <ADMIN_API_KEY>`."""
    if not has_admin_key(request, key):
        raise Unauthorized()


def has_admin_key(request: Request, key: str | None) -> bool:
    return is_admin_key(request.headers.get("authorization", ""), key)


def is_admin_key(authorization: str, key: str | None) -> bool:
    """Whether the header's text is `Bearer <key>`, the scheme in any case."""
    scheme, _, given = authorization.partition(" ")
    if key is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), key.encode())
