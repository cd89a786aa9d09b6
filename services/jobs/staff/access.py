"""The guard before every page, form and API operation of jobs: who is it, and may they?

    page("/jobs/queues", queues, "All queues")                                 GET, HTML, any account
    form("/jobs/queues/pause", pause, "Pause", "operator", Pause)              POST of a form, CSRF token
    api("GET", "/api/jobs/queues", list_queues, "All queues", answer=Queues)   token, or a session

Their endpoints get the call and a `Who`. Pages and forms know people by their session only; without one
they lead to the login, and their errors are pages. The API knows tokens (`Authorization: Bearer kiosk_...`)
as well, and answers problems. What a session changes must come from our own pages and carry the session's
CSRF token: as the form's field `csrf`, or by a script as the header `X-CSRF-Token`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing, decode_query, read_body, require_media_type
from services.errors import ShopError, Unauthorized
from services.jobs.resources import Jobs
from services.jobs.staff import accounts, sessions, tokens
from services.jobs.staff.admitted import Admitted, admit, admitted
from services.jobs.staff.cookie import session_token
from services.jobs.staff.csrf import csrf_token, require_csrf
from services.jobs.staff.login_address import HOME, login_address, see_other
from services.jobs.staff.rendering import closed_page, error_page
from services.jobs.staff.who import Role, RoleTooLow, Who
from services.operations import Call, Operation, Precedence, operation
from services.same_origin import require_same_origin

Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)
Endpoint: TypeAlias = Callable[[Call[Jobs, Q, B], Who], Awaitable[Any]]

_FORM_BYTES_MAX = 65_536
_SAFE = ("GET", "HEAD")


async def who_of(request: Request, jobs: Jobs) -> Who | None:
    """Who a person is, by the session; None without a good one. One round trip: something that goes on
    for long, such as a stream, asks now and then whether the session has ended meanwhile."""
    found = await by_session(request, jobs)
    return found.who if found else None


async def by_session(request: Request, jobs: Jobs) -> Admitted | None:
    if (token := session_token(request, jobs.public_url)) is None:
        return None
    session = await sessions.find(jobs.database, token)
    return Admitted(session.who, session, csrf_token(token)) if session else None


async def by_token(request: Request, jobs: Jobs) -> Admitted | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    who = await tokens.find(jobs.database, token.strip()) if scheme.lower() == "bearer" else None
    return Admitted(who) if who else None


@dataclass(frozen=True)
class Staffed(Generic[Q, B]):
    """An endpoint behind the guard. For a person (page or form) it decodes the query and the form itself:
    after the guard, and with errors that are pages."""

    endpoint: Endpoint[Q, B]
    role: Role
    reader: Literal["person", "program"]
    query: type[Q] = Nothing  # type: ignore[assignment]  # a TypeVar's default can't be declared before 3.13
    form: type[B] | None = None

    async def __call__(self, call: Call[Jobs, Any, Any]) -> Any:
        if self.reader == "person":
            try:
                return await self._for_person(call)
            except ShopError as error:
                return error_page(call.request, error)
        found = admitted(call.request)
        assert found is not None, "the operation has no guard"
        return await self.endpoint(call, found.who)

    async def _for_person(self, call: Call[Jobs, Any, Any]) -> Any:
        request, jobs = call.request, call.resources
        if (found := await by_session(request, jobs)) is None:
            return await to_login(request, jobs)
        admit(request, found)
        found.who.require(self.role)
        body: Any = call.body
        if self.form is not None:
            raw = await read_form(request, jobs)
            given = decode_query(raw, _FormToken, strict=False).csrf
            require_csrf(found.csrf, request.headers.get("x-csrf-token", given))
            body = decode_query(raw, self.form, strict=False)
        query = decode_query(request.scope["query_string"], self.query, strict=False)
        return await self.endpoint(Call(request, jobs, query, body), found.who)

    async def guard(self, request: Request, jobs: Jobs) -> None:
        """Of the API. Raises Unauthorized, RoleTooLow, ForeignForm, WrongFormToken."""
        by = by_token if "authorization" in request.headers else by_session
        if (found := await by(request, jobs)) is None:
            raise Unauthorized("Send a token of the jobs dashboard: Authorization: Bearer kiosk_...")
        admit(request, found)
        found.who.require(self.role)
        if found.session is not None and request.method not in _SAFE:
            require_same_origin(request, jobs.public_url)
            require_csrf(found.csrf, request.headers.get("x-csrf-token", ""))


class _FormToken(msgspec.Struct, frozen=True):
    csrf: str = ""


async def read_form(request: Request, jobs: Jobs) -> bytes:
    """The raw body of a form from a page of ours. Raises ForeignForm, UnsupportedMediaType, TooLarge."""
    require_same_origin(request, jobs.public_url)
    require_media_type(request, "application/x-www-form-urlencoded")
    return await read_body(request, _FORM_BYTES_MAX)


async def to_login(request: Request, jobs: Jobs) -> Response:
    """The way in for somebody without a session: the login, and back from there to the page they wanted.
    What a form wanted is lost. While there is no account: how to make one."""
    if not await accounts.exist(jobs.database):
        return closed_page(request)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see_other(login_address(wanted if request.method in _SAFE else HOME))


def staffed(endpoint: Endpoint[Q, B], role: Role = "viewer") -> Staffed[Q, B]:
    """What `page` does, for an operation that is declared in another way (a stream, say)."""
    return Staffed(endpoint, role, "person")


def page(
    path: str,
    endpoint: Endpoint[Q, Any],
    summary: str,
    role: Role = "viewer",
    query: type[Q] = Nothing,  # type: ignore[assignment]  # as above
    admission: Precedence = "ordinary",
) -> Operation:
    """A GET for a person. Parameters that are not in `query` are ignored."""
    staffed = Staffed(endpoint, role, "person", query)
    return operation("GET", path, staffed, summary, page=True, admission=admission)


def form(
    path: str,
    endpoint: Endpoint[Nothing, B],
    summary: str,
    role: Role,
    body: type[B] = Nothing,  # type: ignore[assignment]  # as above
) -> Operation:
    """A POST of `application/x-www-form-urlencoded`. A field `list[str]` may come more than once; what is
    not in `body` is ignored, so `csrf` need not be."""
    staffed = Staffed(endpoint, role, "person", form=body)
    return operation("POST", path, staffed, summary, page=True)


def api(
    method: str,
    path: str,
    endpoint: Endpoint[Any, Any],
    summary: str,
    role: Role = "viewer",
    *,
    problems: tuple[type[ShopError], ...] = (),
    **more: Any,
) -> Operation:
    """An operation of the JSON API; `more` is what `operation` takes (query, body, answer, status)."""
    staffed: Staffed[Any, Any] = Staffed(endpoint, role, "program")
    known: tuple[type[ShopError], ...] = (Unauthorized, RoleTooLow, *problems)
    return operation(method, path, staffed, summary, guard=staffed.guard, problems=known, **more)
