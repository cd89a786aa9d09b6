"""Errors where a person is reading: what happened, in the shop's look, and a way on.

Needs nobody else: the categories shown are the last ones known.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.problems import problem_of_status
from services.request_context import current_request
from services.storefront.navigation import Tree
from services.storefront.shop import Shop

_WORDS = {
    404: (
        "There is nothing here",
        "The page may have moved, or what it showed is no longer sold. A search may find it.",
    ),
    422: (
        "We can't read this address",
        "A part of it is doubled, cut off or garbled. Begin again with a search, or at the front door.",
    ),
    503: (
        "We'll be right back",
        "The shop can't answer at this moment. Nothing is lost; please try again in a few seconds.",
    ),
}
_ANY_OTHER = (
    "Something went wrong",
    "It's our fault, and we've been told. Please try again, or begin at the front door.",
)


def error_page(request: Request, status: int, _title: str) -> Response:
    """The page for a status; under `/api/` a machine is reading, so a problem."""
    if request.url.path.startswith("/api/"):
        return problem_of_status(status)
    shop: Shop = request.app.state.resources
    context = current_request.get()
    heading, explanation = _WORDS.get(status, _ANY_OTHER)
    html = shop.templates.html(
        "error.html",
        shop.navigation.kept or Tree(),
        status=status,
        heading=heading,
        explanation=explanation,
        request_id=context.request_id if context else "",
    )
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})
