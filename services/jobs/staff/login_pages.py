"""The login page, and the way out."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing, decode_query
from services.errors import Limited, Overloaded, ShopError
from services.jobs.resources import Jobs
from services.jobs.staff import accounts, login
from services.jobs.staff.access import by_session, form, read_form
from services.jobs.staff.admitted import admitted
from services.jobs.staff.cookie import forget_session, set_session
from services.jobs.staff.login_address import LOGIN, local_path, see_other
from services.jobs.staff.rendering import closed_page, error_page, html_page
from services.jobs.staff.sessions import LIFE
from services.jobs.staff.who import Who
from services.operations import Call, operation

_WRONG = "Name or password is wrong."


class LoginQuery(msgspec.Struct, frozen=True):
    """`next`: where to go afterwards. `changed`: set after a change of the password."""

    next: str = ""
    changed: str = ""


class LoginForm(msgspec.Struct, frozen=True):
    name: str = ""
    password: str = ""
    next: str = ""


async def login_page(call: Call[Jobs, LoginQuery, Nothing]) -> Response:
    request, jobs = call.request, call.resources
    try:
        if await by_session(request, jobs) is not None:
            return see_other(local_path(call.query.next))
        if not await accounts.exist(jobs.database):
            return closed_page(request)
    except ShopError as error:
        return error_page(request, error)
    said = "Your password is changed: log in with the new one." if call.query.changed else ""
    return _page(request, call.query.next, said=said)


def _page(
    request: Request, next_path: str, status: int = 200, *, name: str = "", problem: str = "", said: str = ""
) -> Response:
    facts = {"next": local_path(next_path), "name": name, "problem": problem, "said": said}
    return html_page(request, "login.html", status, **facts)


async def log_in(call: Call[Jobs, LoginQuery, Nothing]) -> Response:
    """An open form: there is no session yet to bind a token to, so the origin alone speaks for it."""
    request, jobs = call.request, call.resources
    try:
        given = decode_query(await read_form(request, jobs), LoginForm, strict=False)
        return await _try(request, jobs, given)
    except ShopError as error:
        return error_page(request, error)


async def _try(request: Request, jobs: Jobs, given: LoginForm) -> Response:
    try:
        token = await login.log_in(jobs.database, given.name, given.password)
    except (Limited, Overloaded) as error:
        return _try_later(request, given, error)
    if token is None:
        return _page(request, given.next, 401, name=given.name, problem=_WRONG)
    before = await by_session(request, jobs)
    if before is not None and before.session is not None:
        await login.log_out(jobs.database, before.session)  # of this browser; nobody would use it any more
    answer = see_other(local_path(given.next))
    set_session(answer, jobs.public_url, token, int(LIFE.total_seconds()))
    return answer


def _try_later(request: Request, given: LoginForm, error: ShopError) -> Response:
    answer = error_page(request, error)
    seconds = answer.headers["retry-after"]
    problem = f"{error.detail or error.title}. The next try is open in {seconds} seconds."
    page = _page(request, given.next, answer.status_code, name=given.name, problem=problem)
    page.headers["Retry-After"] = seconds
    return page


async def log_out(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Response:
    found = admitted(call.request)
    if found is not None and found.session is not None:
        await login.log_out(call.resources.database, found.session)
    answer = see_other(LOGIN)
    forget_session(answer, call.resources.public_url)
    return answer


OPERATIONS = [
    operation("GET", LOGIN, login_page, "The login", query=LoginQuery, page=True),
    operation("POST", LOGIN, log_in, "Log in", page=True),
    form("/jobs/logout", log_out, "Log out", "viewer"),
]
