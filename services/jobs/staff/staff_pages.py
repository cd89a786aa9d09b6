"""All staff accounts, for admins."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing
from services.errors import Conflict, Invalid, ShopError, meaning_of
from services.jobs.resources import Jobs
from services.jobs.staff import accounts
from services.jobs.staff.access import form, page
from services.jobs.staff.login_address import see_other
from services.jobs.staff.passwords import LENGTH_MIN
from services.jobs.staff.rendering import html_page
from services.jobs.staff.who import ROLES, Role, Who
from services.operations import Call

_STAFF = "/jobs/staff"


class NewAccount(msgspec.Struct, frozen=True):
    name: str = ""
    role: Role = "viewer"
    password: str = ""


class NewRole(msgspec.Struct, frozen=True):
    role: Role


class NewPassword(msgspec.Struct, frozen=True):
    password: str = ""


async def staff(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Response:
    return await _page(call.request, call.resources)


async def _page(request: Request, jobs: Jobs, problem: ShopError | None = None) -> Response:
    return html_page(
        request,
        "staff.html",
        meaning_of(problem).status if problem else 200,
        accounts=await accounts.all_accounts(jobs.database),
        roles=ROLES,
        length_min=LENGTH_MIN,
        problem=problem,
        errors=problem.errors if isinstance(problem, Invalid) else (),
    )


async def _after(call: Call[Jobs, Any, Any], work: Any) -> Response:
    """Back to the list, or the list with what went wrong."""
    try:
        await work
    except (Invalid, Conflict) as problem:
        return await _page(call.request, call.resources, problem)
    return see_other(_STAFF)


async def create(call: Call[Jobs, Nothing, NewAccount], who: Who) -> Response:
    new = call.body
    return await _after(call, accounts.create(call.resources.database, who, new.name, new.role, new.password))


async def set_role(call: Call[Jobs, Nothing, NewRole], who: Who) -> Response:
    return await _after(
        call, accounts.set_role(call.resources.database, who, call.path("name"), call.body.role)
    )


async def set_password(call: Call[Jobs, Nothing, NewPassword], who: Who) -> Response:
    return await _after(
        call, accounts.set_password(call.resources.database, who, call.path("name"), call.body.password)
    )


async def disable(call: Call[Jobs, Nothing, Nothing], who: Who) -> Response:
    return await _after(
        call, accounts.set_disabled(call.resources.database, who, call.path("name"), disabled=True)
    )


async def enable(call: Call[Jobs, Nothing, Nothing], who: Who) -> Response:
    return await _after(
        call, accounts.set_disabled(call.resources.database, who, call.path("name"), disabled=False)
    )


OPERATIONS = [
    page(_STAFF, staff, "Staff accounts", "admin"),
    form(_STAFF, create, "Make an account", "admin", NewAccount),
    form(f"{_STAFF}/{{name}}/role", set_role, "Give a role", "admin", NewRole),
    form(f"{_STAFF}/{{name}}/password", set_password, "Set a password", "admin", NewPassword),
    form(f"{_STAFF}/{{name}}/disable", disable, "Shut an account out", "admin"),
    form(f"{_STAFF}/{{name}}/enable", enable, "Let it in again", "admin"),
]
