"""Errors where a person is reading: what happened, in the shop's look, and a way on.

Needs nobody else: the categories shown are the last ones known.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.errors import Banned
from services.problems import problem_of_status
from services.request_context import current_request
from services.storefront.languages import current_language
from services.storefront.navigation import Tree
from services.storefront.shop import Shop
from services.storefront.texts import text

_KNOWN = (403, 404, 422, 429, 503)
_BUYING = ("cart", "checkout", "orders")


def error_page(request: Request, status: int, title: str) -> Response:
    """The page for a status; under `/api/` a machine is reading, so a problem."""
    if request.url.path.startswith("/api/"):
        return problem_of_status(status)
    shop: Shop = request.app.state.resources
    context = current_request.get()
    failure = f"failure.{status}" if status in _KNOWN else "failure.any_other"
    if request.method == "POST" and status in (400, 413, 415, 422):
        failure = "failure.unreadable_form"
    if status == 503 and request.url.path.removeprefix("/").split("/")[0] in _BUYING:
        failure = "failure.503_buying"
    if title == Banned.title:
        failure = "failure.banned"
    html = shop.templates.html(
        "error.html",
        shop.navigation.kept or Tree(),
        status=status,
        heading=text(f"{failure}.heading"),
        explanation=text(f"{failure}.explanation"),
        request_id=context.request_id if context else "",
    )
    headers = {"Cache-Control": "no-store", "Content-Language": current_language().code}
    return HTMLResponse(html, status, headers=headers)
