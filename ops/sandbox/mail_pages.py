"""What people and tests see of the mailbox."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ops.sandbox import messages
from ops.sandbox.controls import WrongInput
from ops.sandbox.pages import json_response, page
from ops.sandbox.store import Store

# The mail's own markup: no script, no form, no frame; nothing of ours can be reached from it.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " img-src 'self' https: data:; frame-ancestors 'self'"
)
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)
_SHOWN = 100


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is one address, `subject` a part of it."""

    to: str | None = None
    subject: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=messages.KEPT)] = 100


async def overview(request: Request) -> Response:
    return page("mailbox.html", messages=messages.newest(_store(request), limit=_SHOWN))


async def one(request: Request) -> Response:
    return page("message.html", message=_message(request))


async def as_html(request: Request) -> Response:
    """Links open beside the mailbox: the frame itself may not go anywhere."""
    html = _message(request).html
    if html is None:
        raise HTTPException(404)
    html = _HEAD.sub(lambda found: found[0] + '<base target="_blank">', html, count=1)
    return HTMLResponse(html, headers={"Content-Security-Policy": _MAIL_POLICY, "Cache-Control": "no-store"})


async def search(request: Request) -> Response:
    try:
        wanted = msgspec.convert(dict(request.query_params), Search, strict=False)
    except msgspec.ValidationError as error:
        raise WrongInput(str(error)) from None
    found = messages.newest(_store(request), wanted.to, wanted.subject, wanted.limit)
    return json_response({"items": found})


async def delete_all(request: Request) -> Response:
    messages.delete_all(_store(request))
    return Response(status_code=204)


def _message(request: Request) -> messages.Message:
    found = messages.one(_store(request), request.path_params["id"])
    if found is None:
        raise HTTPException(404)
    return found


def _store(request: Request) -> Store:
    store: Store = request.app.state.gateway.store
    return store
