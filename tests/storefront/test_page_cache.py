"""Pages kept for a moment."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp

from services.errors import NotFound, UpstreamUnavailable
from services.request_context import RequestContext, current_request
from services.settings import CacheSettings
from services.storefront.languages import ENGLISH, GERMAN, speaking
from services.storefront.page_cache import PAGES_MAX, PageCache
from services.storefront.rendering import Page, StalePage, page_response
from tests.store import wait_until_async


def _cache(seconds: float = 60, patience_seconds: float = 60, stale_seconds: float = 60) -> PageCache:
    return PageCache(
        CacheSettings(
            cache_memory_seconds=seconds,
            cache_patience_seconds=patience_seconds,
            cache_stale_seconds=stale_seconds,
        )
    )


class Press:
    """Prints pages, and counts them."""

    def __init__(self) -> None:
        self.printed = 0
        self.ink = asyncio.Event()
        self.ink.set()
        self.error: Exception | None = None
        self.instead: ASGIApp | None = None
        self.stale_seconds: float | None = None
        self.incomplete = False

    async def page(self) -> ASGIApp:
        self.printed += 1
        for _ in range(5):  # no page is made within one turn of the loop
            await asyncio.sleep(0)
        await self.ink.wait()
        if self.error is not None:
            raise self.error
        if self.instead is not None:
            return self.instead
        if (context := current_request.get()) is not None:
            context.stale_seconds, context.incomplete = self.stale_seconds, self.incomplete
        return page_response(f"page {self.printed}")


async def test_a_rush_on_one_page_makes_it_once() -> None:
    press, cache = Press(), _cache()
    press.ink.clear()
    rush = [asyncio.create_task(cache.page("/", press.page)) for _ in range(20)]
    await asyncio.sleep(0)
    press.ink.set()
    assert len({id(page) for page in await asyncio.gather(*rush)}) == 1
    assert await cache.page("/", press.page) is rush[0].result()
    assert press.printed == 1


async def test_who_leaves_takes_the_page_from_nobody() -> None:
    press, cache = Press(), _cache()
    press.ink.clear()
    first, second = (asyncio.create_task(cache.page("/", press.page)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    press.ink.set()
    await second
    assert press.printed == 1


async def test_each_language_has_its_page() -> None:
    press, cache = Press(), _cache()
    with speaking(ENGLISH):
        english = await cache.page("/", press.page)
    with speaking(GERMAN):
        assert await cache.page("/", press.page) is not english


async def test_a_page_is_kept_no_longer_than_said() -> None:
    press, cache = Press(), _cache(seconds=0)
    assert await cache.page("/", press.page) is not await cache.page("/", press.page)


async def test_what_went_wrong_is_not_kept() -> None:
    async def fails() -> ASGIApp:
        raise UpstreamUnavailable()

    async def refused() -> ASGIApp:
        return HTMLResponse("no", 422)

    press, cache = Press(), _cache()
    with pytest.raises(UpstreamUnavailable):
        await cache.page("/", fails)
    await cache.page("/", refused)
    await cache.page("/", press.page)
    assert press.printed == 1


async def test_the_number_of_pages_is_bounded() -> None:
    press, cache = Press(), _cache()
    for number in range(PAGES_MAX + 10):
        await cache.page(f"/{number}", press.page)
    assert len(cache._kept) == PAGES_MAX


_MOMENT = 1e-6  # seconds; for a page that is past its time when it is asked for again


@pytest.fixture
async def _request() -> AsyncIterator[None]:
    """An async fixture, for the test runs in the context of those: a plain one's may be another."""
    token = current_request.set(RequestContext("id"))
    yield
    current_request.reset(token)


async def test_a_page_past_its_time_is_served_while_there_is_no_other() -> None:
    press, cache = Press(), _cache(_MOMENT)
    await cache.page("/", press.page)
    press.error = UpstreamUnavailable()
    assert isinstance(await cache.page("/", press.page), StalePage)
    press.error = None
    await cache.page(
        "/", press.page
    )  # who was let down waits no more: this begins one for those who come later
    await asyncio.wait(cache._making.values())
    assert isinstance(await cache.page("/", press.page), Page)


async def test_a_page_past_all_times_is_not_served() -> None:
    press, cache = Press(), _cache(_MOMENT, stale_seconds=0)
    await cache.page("/", press.page)
    press.error = UpstreamUnavailable()
    with pytest.raises(UpstreamUnavailable):
        await cache.page("/", press.page)


async def test_a_bug_is_not_hidden_by_a_page_of_before() -> None:
    press, cache = Press(), _cache(_MOMENT)
    await cache.page("/", press.page)
    press.error = ValueError("bug")
    with pytest.raises(ValueError, match="bug"):
        await cache.page("/", press.page)


async def _let_down(press: Press, cache: PageCache) -> None:
    """The page is there, and a fresher one did not come in time."""
    await cache.page("/", press.page)
    press.ink.clear()
    assert isinstance(await cache.page("/", press.page), StalePage)


@pytest.mark.parametrize("error", [NotFound(), ValueError("bug")], ids=["gone", "bug"])
async def test_a_page_of_before_goes_once_its_making_says_that_it_is_gone(error: Exception) -> None:
    press, cache = Press(), _cache(_MOMENT, patience_seconds=0.01)
    await _let_down(press, cache)
    press.error = error
    press.ink.set()
    await asyncio.wait(cache._making.values())
    with pytest.raises(type(error)):
        await cache.page("/", press.page)


async def test_a_page_of_before_goes_once_it_has_moved() -> None:
    press, cache = Press(), _cache(_MOMENT, patience_seconds=0.01)
    await _let_down(press, cache)
    press.instead = RedirectResponse("/elsewhere", 301)
    press.ink.set()
    await asyncio.wait(cache._making.values())
    assert await cache.page("/", press.page) is press.instead


async def test_a_page_made_of_stale_answers_is_kept_for_the_time_when_there_are_none() -> None:
    press, cache = Press(), _cache(_MOMENT, patience_seconds=0.01)
    await _let_down(press, cache)
    press.instead = await cache.page("/", press.page)
    press.ink.set()
    await asyncio.wait(cache._making.values())
    press.error = UpstreamUnavailable()
    assert isinstance(await cache.page("/", press.page), StalePage)


async def test_with_a_page_at_hand_nobody_waits_long_for_a_fresh_one() -> None:
    press, cache = Press(), _cache(_MOMENT, patience_seconds=0.01)
    await cache.page("/", press.page)
    press.ink.clear()
    for _ in range(3):
        assert isinstance(await cache.page("/", press.page), StalePage)
    assert press.printed == 2, "one for all who were let down"
    [making] = cache._making.values()
    press.ink.set()
    await making
    assert isinstance(await cache.page("/", press.page), Page)


@pytest.mark.usefixtures("_request")
async def test_a_page_made_of_stale_answers_is_stale_and_as_old_as_they_are() -> None:
    press, cache = Press(), _cache()
    press.stale_seconds = 100.0
    for _ in range(2):
        assert isinstance(await cache.page("/", press.page), StalePage)
    [copy] = cache._kept.values()
    assert 100 <= copy.page.age_seconds < 200


@pytest.mark.usefixtures("_request")
async def test_half_a_page_does_not_take_the_place_of_a_whole_one() -> None:
    press, cache = Press(), _cache(_MOMENT)
    press.incomplete = True
    assert isinstance(await cache.page("/", press.page), Page), "better than none"
    press.incomplete = False
    whole = await cache.page("/", press.page)
    assert isinstance(whole, Page)
    press.incomplete = True
    assert await cache.page("/", press.page) is whole.stale()


@pytest.mark.usefixtures("_request")
async def test_half_a_page_gives_way_to_a_newer_one_until_there_is_a_whole_one() -> None:
    """It stood in its own way: what was made anew was thrown away, and the old half called stale."""
    press, cache = Press(), _cache(_MOMENT)
    press.incomplete = True
    first = await cache.page("/", press.page)
    second = await cache.page("/", press.page)
    assert isinstance(second, Page)
    assert second is not first


@pytest.mark.usefixtures("_request")
async def test_half_a_page_takes_the_place_of_a_whole_one_that_is_old_unless_it_is_as_stale() -> None:
    press, cache = Press(), _cache(_MOMENT, stale_seconds=3600)
    whole = await cache.page("/", press.page)
    assert isinstance(whole, Page)
    whole.made_at -= 100
    press.incomplete, press.stale_seconds = True, 90.0
    assert await cache.page("/", press.page) is whole.stale()
    press.stale_seconds = None

    async def is_half() -> bool:  # who was let down once does not wait for it
        return isinstance(await cache.page("/", press.page), Page)

    await wait_until_async(is_half, "the newer page is shown")


async def test_who_joins_the_making_of_a_page_does_not_have_the_haste_of_who_began_it() -> None:
    press, cache = Press(), _cache()
    press.ink.clear()

    async def make() -> ASGIApp:
        page = await press.page()
        request = current_request.get()
        assert request is not None
        if request.has_gone:  # as an internal call does
            raise UpstreamUnavailable()
        return page

    async def ask(deadline: float | None) -> None:
        current_request.set(RequestContext("asks", deadline=deadline))
        assert isinstance(await cache.page("/", make), Page)

    hurried = asyncio.create_task(ask(time.monotonic()))
    await asyncio.sleep(0)  # it has begun the making
    patient = asyncio.create_task(ask(None))
    await asyncio.sleep(0)  # it has joined
    press.ink.set()
    await asyncio.gather(hurried, patient)
    assert press.printed == 1
