"""Pages that are the same for everyone, kept for a moment: a rush on one page renders it once a second.

A page carries nothing of a shopper's (the cart's count comes by a script), so language and address are
all that it depends on; and of the address only what the page reads: whatever a campaign's link adds is no
other page. The last copy of a page stays for CACHE_STALE_SECONDS: it is sent, marked and with
a word to the reader, while what the page is made of is away or too slow; it goes when the page has gone.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec
from starlette.types import ASGIApp

from services.errors import Unavailable, UpstreamUnavailable
from services.operations import Call
from services.request_context import current_request
from services.settings import CacheSettings
from services.shared_work import shared_work
from services.storefront.languages import current_language
from services.storefront.rendering import Page, StalePage

if TYPE_CHECKING:
    from services.storefront.shop import Shop

PAGES_MAX = 300  # of some 50 KB each
# For so long a whole page is better than one that lacks a part; then prices that are right are.
_WHOLE_PREFERRED_SECONDS = 60.0

Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)


@dataclass(slots=True)
class _Copy:
    """`answer` is the page, or its stale form when it was made of stale answers. `whole`: none of its parts
    was left out."""

    page: Page
    answer: ASGIApp
    fresh_until: float  # time.monotonic()
    whole: bool
    let_down: bool = False  # whether a fresher one was asked for, and did not come


class PageCache:
    """Pages for CACHE_MEMORY_SECONDS; while one is made, whoever else wants it waits for it."""

    def __init__(self, settings: CacheSettings) -> None:
        self._seconds, self._stale_seconds = settings.cache_memory_seconds, settings.cache_stale_seconds
        # What a page is made of has patience of its own, and may come a little stale: better than all of it.
        self._patience_seconds = 2 * settings.cache_patience_seconds
        self._kept: OrderedDict[str, _Copy] = OrderedDict()
        self._making: dict[str, asyncio.Task[ASGIApp]] = {}

    async def page(self, address: str, make: Callable[[], Awaitable[ASGIApp]]) -> ASGIApp:
        """The page at `address` in the language of the request at hand. Raises what `make` raises, unless it
        is Unavailable (or slow) and an older copy is at hand; only good pages are kept."""
        key = f"{current_language().code} {address}"
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.fresh_until:
            self._kept.move_to_end(key)
            return kept.answer
        if kept is not None and kept.page.age_seconds > self._stale_seconds:
            kept = None
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = shared_work(self._make(key, make, kept))
            making.add_done_callback(lambda done: self._made(key, done))
        if kept is None:
            return await asyncio.shield(making)
        await asyncio.wait({making}, timeout=0 if kept.let_down else self._patience_seconds)
        if making.done():
            with suppress(Unavailable):
                return making.result()
        kept.let_down = True
        self._kept.move_to_end(key)
        return kept.page.stale()

    async def _make(self, key: str, make: Callable[[], Awaitable[ASGIApp]], kept: _Copy | None) -> ASGIApp:
        page = answer = await make()
        if not isinstance(page, Page):
            return page
        context = current_request.get()
        whole = context is None or not context.incomplete
        stale_seconds = None if context is None else context.stale_seconds
        if not whole and kept is not None and _says_more(kept, stale_seconds):
            raise UpstreamUnavailable()
        if stale_seconds is not None:
            page.made_at -= stale_seconds
            answer = page.stale()
        if self._seconds:
            self._kept[key] = _Copy(page, answer, time.monotonic() + self._seconds, whole)
            self._kept.move_to_end(key)
            while len(self._kept) > PAGES_MAX:
                self._kept.popitem(last=False)
        return answer

    def _made(self, key: str, done: asyncio.Task[ASGIApp]) -> None:
        del self._making[key]
        if not done.cancelled() and not _spares_the_copy(done):
            self._kept.pop(key, None)  # it has gone or moved, or we are at fault: no copy may hide that


def _says_more(kept: _Copy, stale_seconds: float | None) -> bool:
    """Whether the page of before is better than one that lacks a part, and is that old itself."""
    return kept.whole and (stale_seconds is not None or kept.page.age_seconds < _WHOLE_PREFERRED_SECONDS)


def _spares_the_copy(done: asyncio.Task[ASGIApp]) -> bool:
    """Whether there is a page, or something was away. Sees the error, also when every caller has gone: no
    warning at collection."""
    if (error := done.exception()) is not None:
        return isinstance(error, Unavailable)
    return isinstance(done.result(), Page | StalePage)


def kept_a_moment(
    address: Callable[[Call[Shop, Q, B]], str],
) -> Callable[
    [Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]]], Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]]
]:
    """For endpoints whose pages are the same for everyone. `address` holds all that the page reads of its
    request: whose address is the same is answered with the same page."""

    def keeping(
        endpoint: Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]],
    ) -> Callable[[Call[Shop, Q, B]], Awaitable[ASGIApp]]:
        @wraps(endpoint)
        async def page(call: Call[Shop, Q, B]) -> ASGIApp:
            return await call.resources.pages.page(address(call), lambda: endpoint(call))

        return page

    return keeping


def path_alone(call: Call[Any, Any, Any]) -> str:
    """In one spelling; a "?" that is part of a name begins no query."""
    return quote(call.request.scope["path"])
