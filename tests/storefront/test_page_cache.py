"""Pages kept for a moment."""

import asyncio

import pytest
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from services.errors import UpstreamUnavailable
from services.storefront.languages import ENGLISH, GERMAN, speaking
from services.storefront.page_cache import PAGES_MAX, PageCache
from services.storefront.rendering import page_response


class Press:
    """Prints pages, and counts them."""

    def __init__(self) -> None:
        self.printed = 0
        self.ink = asyncio.Event()
        self.ink.set()

    async def page(self) -> ASGIApp:
        self.printed += 1
        await self.ink.wait()
        return page_response(f"page {self.printed}")


async def test_a_rush_on_one_page_makes_it_once() -> None:
    press, cache = Press(), PageCache(60)
    press.ink.clear()
    rush = [asyncio.create_task(cache.page(press.page)) for _ in range(20)]
    await asyncio.sleep(0)
    press.ink.set()
    assert len({id(page) for page in await asyncio.gather(*rush)}) == 1
    assert await cache.page(press.page) is rush[0].result()
    assert press.printed == 1


async def test_who_leaves_takes_the_page_from_nobody() -> None:
    press, cache = Press(), PageCache(60)
    press.ink.clear()
    first, second = (asyncio.create_task(cache.page(press.page)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    press.ink.set()
    await second
    assert press.printed == 1


async def test_each_language_has_its_page() -> None:
    press, cache = Press(), PageCache(60)
    with speaking(ENGLISH):
        english = await cache.page(press.page)
    with speaking(GERMAN):
        assert await cache.page(press.page) is not english


async def test_a_page_is_kept_no_longer_than_said() -> None:
    press, cache = Press(), PageCache(0)
    assert await cache.page(press.page) is not await cache.page(press.page)


async def test_what_went_wrong_is_not_kept() -> None:
    async def fails() -> ASGIApp:
        raise UpstreamUnavailable()

    async def refused() -> ASGIApp:
        return HTMLResponse("no", 422)

    press, cache = Press(), PageCache(60)
    with pytest.raises(UpstreamUnavailable):
        await cache.page(fails)
    await cache.page(refused)
    await cache.page(press.page)
    assert press.printed == 1


async def test_the_number_of_pages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    press, cache = Press(), PageCache(60)
    for number in range(PAGES_MAX + 10):
        monkeypatch.setattr("services.storefront.page_cache.current_path", lambda number=number: f"/{number}")
        await cache.page(press.page)
    assert len(cache._kept) == PAGES_MAX
