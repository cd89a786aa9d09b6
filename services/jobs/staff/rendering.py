"""Pages that tell why something can't be done. Like all pages they wear the dashboard's layout."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.errors import Invalid, ShopError, meaning_of
from services.jobs.dashboard.rendering import html_page
from services.problems import problem_of
from services.request_context import current_request

__all__ = ["closed_page", "error_page", "html_page"]


def error_page(request: Request, error: ShopError) -> HTMLResponse:
    """What `problem_of` tells a program, for a person."""
    context, status = current_request.get(), meaning_of(error).status
    page = html_page(
        request,
        "error.html",
        status,
        status=status,
        back=_page_before(request),
        heading=error.title,
        explanation=error.detail or "",
        errors=error.errors if isinstance(error, Invalid) else (),
        request_id=context.request_id if context else "",
    )
    if retry_after := problem_of(error).headers.get("retry-after"):
        page.headers["Retry-After"] = retry_after
    return page


def _page_before(request: Request) -> str:
    """Where a form was sent from, if that was a page of ours; else the overview."""
    before = urlsplit(request.headers.get("referer", ""))
    if not before.path.startswith("/jobs/") or before.netloc != request.headers.get("host"):
        return "/jobs"
    return before.path + (f"?{before.query}" if before.query else "")


def closed_page(request: Request) -> HTMLResponse:
    """There is no account yet, so nobody can log in."""
    page = html_page(request, "closed.html", 401)
    page.headers["WWW-Authenticate"] = "Bearer"
    return page
