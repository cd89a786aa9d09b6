"""API tokens, for admins."""

from __future__ import annotations

from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing
from services.errors import FieldError, Invalid, NotFound
from services.jobs.resources import Jobs
from services.jobs.staff import tokens
from services.jobs.staff.access import form, page
from services.jobs.staff.login_address import see_other
from services.jobs.staff.rendering import html_page
from services.jobs.staff.who import ROLES, Role, Who
from services.operations import Call

_TOKENS = "/jobs/tokens"  # a path


class NewToken(msgspec.Struct, frozen=True):
    """`days`: how long it is good; empty: until it is revoked."""

    name: str = ""
    role: Role = "viewer"
    days: str = ""


async def all_tokens(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Response:
    return await _page(call.request, call.resources)


async def _page(
    request: Request, jobs: Jobs, status: int = 200, *, new: str = "", errors: tuple[FieldError, ...] = ()
) -> Response:
    return html_page(
        request,
        "tokens.html",
        status,
        tokens=await tokens.all_tokens(jobs.database),
        roles=ROLES,
        new=new,
        errors=errors,
    )


async def create(call: Call[Jobs, Nothing, NewToken], who: Who) -> Response:
    """Answers with the token itself, this once: it is kept nowhere, so there is no page to go on to."""
    wanted, jobs = call.body, call.resources
    try:
        days = int(wanted.days) if wanted.days.strip() else None
    except ValueError:
        return await _page(call.request, jobs, 422, errors=(FieldError("days", "must be a number"),))
    try:
        token = await tokens.create(jobs.database, who, wanted.name, wanted.role, days)
    except Invalid as error:
        return await _page(call.request, jobs, 422, errors=error.errors)
    return await _page(call.request, jobs, 201, new=token)


async def revoke(call: Call[Jobs, Nothing, Nothing], who: Who) -> Response:
    try:
        token_id = UUID(call.path("id"))
    except ValueError:
        raise NotFound() from None
    await tokens.revoke(call.resources.database, who, token_id)
    return see_other(_TOKENS)


OPERATIONS = [
    page(_TOKENS, all_tokens, "API tokens", "admin"),
    form(_TOKENS, create, "Make a token", "admin", NewToken),
    form(f"{_TOKENS}/{{id}}/revoke", revoke, "Revoke a token", "admin"),
]
