"""Addresses that were another thing's name for a while: what was renamed is found under its old one."""

from __future__ import annotations

from typing import Literal, TypeVar
from urllib.parse import quote

import msgspec
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.decode import Nothing
from services.operations import Call
from services.storefront.shop import Shop

Q = TypeVar("Q", bound=msgspec.Struct)

# Long enough for a crawler's round, short enough to give the name to something else.
_CACHE_CONTROL = "public, max-age=3600"


async def moved(call: Call[Shop, Q, Nothing], kind: Literal["products", "categories"], slug: str) -> ASGIApp:
    """301 to what has this former slug, with the query of whoever gets it: all who ask at once for this
    address, with whatever query, may share the answer. Raises NotFound, UpstreamUnavailable."""
    path = f"/{kind}/{quote(await call.resources.catalog.slug_now(kind, slug), safe='')}"

    async def redirect(scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode("latin-1")
        address = f"{path}?{query}" if query else path
        answer = RedirectResponse(address, 301, headers={"Cache-Control": _CACHE_CONTROL})
        await answer(scope, receive, send)

    return redirect
