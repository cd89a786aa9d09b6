"""Pages that are the same for everyone, kept for a moment: a rush on one page renders it once a second.

A page carries nothing of a shopper's (the cart's count comes by a script), so language and address are
all that it depends on.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

import msgspec
from starlette.types import ASGIApp

from services.operations import Call
from services.storefront.languages import current_language, current_path
from services.storefront.rendering import Page

if TYPE_CHECKING:
    from services.storefront.shop import Shop

PAGES_MAX = 300  # of some 50 KB each

Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)


class PageCache:
    """Pages for `seconds`; while one is made, whoever else wants it waits for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[float, Page]] = OrderedDict()  # until time.monotonic()
        self._making: dict[str, asyncio.Task[ASGIApp]] = {}

    async def page(self, make: Callable[[], Awaitable[ASGIApp]]) -> ASGIApp:
        """The page of the request at hand. Raises what `make` raises; only good pages are kept."""
        key = f"{current_language().code} {current_path()}"
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and time.monotonic() < until:
            self._kept.move_to_end(key)
            return kept
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, make))
        return await asyncio.shield(making)

    async def _make(self, key: str, make: Callable[[], Awaitable[ASGIApp]]) -> ASGIApp:
        try:
            page = await make()
            if isinstance(page, Page) and self._seconds:
                self._kept[key] = (time.monotonic() + self._seconds, page)
                self._kept.move_to_end(key)
                while len(self._kept) > PAGES_MAX:
                    self._kept.popitem(last=False)
            return page
        finally:
            del self._making[key]


def kept_a_moment(
    endpoint: Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]],
) -> Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]]:
    """For endpoints whose pages are the same for everyone."""

    @wraps(endpoint)
    async def page(call: Call[Shop, Q, B]) -> ASGIApp:
        return await call.resources.pages.page(lambda: endpoint(call))

    return page
