"""Addresses that were another thing's name for a while: what was renamed is found under its old one."""

from __future__ import annotations

from typing import Literal, TypeVar
from urllib.parse import quote

import msgspec
from starlette.responses import RedirectResponse

from services.decode import Nothing
from services.operations import Call
from services.storefront.shop import Shop

Q = TypeVar("Q", bound=msgspec.Struct)

# Long enough for a crawler's round, short enough to give the name to something else.
_CACHE_CONTROL = "public, max-age=3600"


async def moved(
    call: Call[Shop, Q, Nothing], kind: Literal["products", "categories"], slug: str
) -> RedirectResponse:
    """301 to what has this former slug, with the same query. Raises NotFound, UpstreamUnavailable."""
    path = f"/{kind}/{quote(await call.resources.catalog.slug_now(kind, slug), safe='')}"
    query = call.request.url.query
    return RedirectResponse(
        f"{path}?{query}" if query else path, 301, headers={"Cache-Control": _CACHE_CONTROL}
    )
