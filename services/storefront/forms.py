"""Forms that change something: sent from our own pages only, and decoded like a query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from services.decode import Nothing, decode_query, read_body, require_media_type
from services.operations import Call, Operation, Precedence, operation
from services.same_origin import require_same_origin
from services.storefront.shop import Shop

B = TypeVar("B", bound=msgspec.Struct)

_BYTES_MAX = 16_384


def form(
    path: str,
    endpoint: Callable[[Call[Shop, Nothing, B]], Awaitable[ASGIApp]],
    summary: str,
    body: type[B] = Nothing,  # type: ignore[assignment]  # a TypeVar's default can't be declared before 3.13
    admission: Precedence = "ordinary",
) -> Operation:
    """A POST of `application/x-www-form-urlencoded`. Every field of `body` is text, a missing one
    empty, an unknown one ignored. May raise ForeignForm, UnsupportedMediaType, TooLarge, Invalid."""

    async def guarded(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
        require_same_origin(call.request, call.resources.public_url)
        require_media_type(call.request, "application/x-www-form-urlencoded")
        filled = decode_query(await read_body(call.request, _BYTES_MAX), body, strict=False)
        return await endpoint(Call(call.request, call.resources, call.query, filled))

    return operation("POST", path, guarded, summary, page=True, admission=admission)


def see_other(path: str) -> RedirectResponse:
    """On to a page that may be reloaded without sending the form again."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
