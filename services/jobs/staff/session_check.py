"""What Traefik's forwardAuth asks before it lets a request to guarded pages through: who is this?

On the inner door only, by whose address Traefik has to ask, for that is where X-Entry becomes `internal`. It
passes on the person's own headers and says in X-Forwarded-Method and X-Forwarded-Uri what is wanted.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from services.decode import Input, Nothing
from services.errors import ShopError, Unauthorized
from services.jobs.resources import Jobs
from services.jobs.staff.access import by_session
from services.jobs.staff.login_address import HOME, login_address, see_other
from services.jobs.staff.rendering import error_page
from services.jobs.staff.who import Role
from services.operations import Call, operation


class Wanted(Input, frozen=True):
    """`role`: the least that will do."""

    role: Role = "viewer"


async def session(call: Call[Jobs, Wanted, Nothing]) -> Response:
    """200 with X-Staff-Name (percent-encoded) and X-Staff-Role. Else: pages are led to the login (303),
    programs get 401; 403 where the role is too low."""
    request, jobs = call.request, call.resources
    if (found := await by_session(request, jobs)) is None:
        if not _is_for_page(request):
            raise Unauthorized("Log in to the dashboard first")
        # Absolute: Traefik would complete a path with the address that it asked.
        wanted = request.headers.get("x-forwarded-uri", HOME)
        return see_other(jobs.public_url.rstrip("/") + login_address(wanted))
    try:
        found.who.require(call.query.role)
    except ShopError as error:
        if _is_for_page(request):
            return error_page(request, error)
        raise
    headers = {"X-Staff-Name": quote(found.who.name, safe="@+"), "X-Staff-Role": found.who.role}
    return Response(headers={**headers, "Cache-Control": "no-store"})


def _is_for_page(request: Request) -> bool:
    method = request.headers.get("x-forwarded-method", request.method)
    uri = request.headers.get("x-forwarded-uri", "")
    reads_html = "text/html" in request.headers.get("accept", "")
    return method in ("GET", "HEAD") and reads_html and not uri.startswith("/api/")


OPERATIONS = [
    operation(
        "GET", "/internal/jobs/session", session, "Who is logged in", query=Wanted, admission="reserved"
    ),
]
