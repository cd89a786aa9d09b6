"""Errors on the wire: `application/problem+json` (RFC 9457) with a stable `type` and the request id."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from services.errors import FieldError, ShopError, Unauthorized, Unavailable, meaning_of
from services.request_context import current_request


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, section 3.1. `type` is a stable relative reference; further members by type."""

    type: str
    title: str
    status: int
    request_id: str
    detail: str | None = None
    errors: list[FieldError] | None = None


def _problem(
    slug: str,
    title: str,
    status: int,
    detail: str | None,
    facts: Mapping[str, Any],
    headers: Mapping[str, str],
) -> Response:
    context = current_request.get()
    body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body["request_id"] = context.request_id if context else ""
    body.update(facts)
    return Response(
        msgspec.json.encode(body),
        status,
        headers={"Cache-Control": "no-store", **headers},
        media_type="application/problem+json",
    )


def problem_of(error: ShopError) -> Response:
    """The response for an error the shop raised on purpose."""
    headers = dict(error.headers)
    facts = dict(error.facts)
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if retry_after := facts.pop("retry_after_seconds", None):
        headers["Retry-After"] = str(retry_after)
    return _problem(error.slug, error.title, meaning_of(error).status, error.detail, facts, headers)


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The response for a plain HTTP status: 404 of the router, 405, 500."""
    title = http.HTTPStatus(status).phrase
    slug = title.lower().replace(" ", "-").replace("'", "")
    return _problem(slug, title, status, None, {}, headers or {})
