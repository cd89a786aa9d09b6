"""What pages refer to: stylesheets, pictures, the shop's sign."""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from services.cached_response import CachedResponse, stored_response
from services.decode import Nothing
from services.design.assets import FOR_EVER, AssetResponse
from services.errors import NotFound
from services.operations import Call
from services.storefront.pictures import draw
from services.storefront.shop import Shop

_PICTURE = re.compile(r"(?P<seed>[0-9]{1,10})(?:-(?P<view>[0-9]{1,2}))?\.svg")
_PICTURE_POLICY = ((b"content-security-policy", b"default-src 'none'"),)


async def asset(call: Call[Shop, Nothing, Nothing]) -> AssetResponse:
    return call.resources.assets.response(call.path("name"))


async def favicon(call: Call[Shop, Nothing, Nothing]) -> AssetResponse:
    """For those who ask without having read a page; pages name the sign's own address."""
    return call.resources.assets.response("sign.svg")


async def picture(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    """`/pictures/{motif}/{seed}.svg`, and `{seed}-{view}.svg` for a further view of the same thing."""
    match = _PICTURE.fullmatch(call.path("name"))
    if match is None:
        raise NotFound()
    try:
        return _Picture(_drawn(call.path("motif"), int(match["seed"]), int(match["view"] or 0)))
    except KeyError:
        raise NotFound() from None


@lru_cache(maxsize=2048)
def _drawn(motif: str, seed: int, view: int) -> CachedResponse:
    return CachedResponse(stored_response(draw(motif, seed, view).encode(), "image/svg+xml"), FOR_EVER)


class _Picture:
    """Opened by itself, an SVG is a document; this one may load and run nothing."""

    def __init__(self, drawn: CachedResponse) -> None:
        self._drawn = drawn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._drawn.send(scope, send, _PICTURE_POLICY)
