"""Pages seen before, while what they are made of is away: marked, with a word to the reader, for no cache."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from services.storefront.app import service
from services.storefront.languages import LANGUAGES, Language, speaking
from services.storefront.texts import text
from tests.conftest import in_process
from tests.store import wait_until_async
from tests.storefront.conftest import AddProduct, CatalogDoor, open_door

CATALOG = "/api/catalog/"
_MOMENT = "0.000001"  # seconds; everything is past its time when it is asked for again


@pytest.fixture
async def reopened(database_url: str, environment: Callable[..., None]) -> AsyncIterator[CatalogDoor]:
    environment(
        DATABASE_URL=database_url,
        CACHE_MEMORY_SECONDS=_MOMENT,
        CACHE_LIST_SECONDS=0,
        CACHE_PRODUCT_SECONDS=0,
    )
    async with open_door() as door:
        yield door


@pytest.fixture
async def browser(
    reopened: CatalogDoor, monkeypatch: pytest.MonkeyPatch, add_product: AddProduct
) -> AsyncIterator[httpx.AsyncClient]:
    await add_product("mug", price_minor=1500)
    monkeypatch.setenv("INTERNAL_URL", reopened.url)
    async with in_process(service) as client:
        yield client


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
@pytest.mark.parametrize("path", ["/", "/search?q=mug", "/products/mug"])
async def test_a_page_seen_before_is_shown_with_catalog_away(
    path: str, language: Language, reopened: CatalogDoor, browser: httpx.AsyncClient
) -> None:
    spoken = {"Accept-Language": language.code}
    fresh = await browser.get(path, headers=spoken)
    with speaking(language):
        said = text("frame.stale")
    assert said not in fresh.text
    assert "x-stale" not in fresh.headers
    reopened.closed.add(CATALOG)
    tag = {"If-None-Match": fresh.headers["etag"]}  # the browser's copy does not say it
    stale = await browser.get(path, headers={**spoken, **tag})
    assert stale.status_code == 200
    assert stale.headers["x-stale"] == "1"
    assert int(stale.headers["age"]) >= 0
    assert stale.headers["cache-control"] == "no-store"
    assert stale.headers["content-language"] == language.code
    assert stale.text.count(said) == 1
    assert stale.text.replace(f'\n<p class="notice stale-note" role="status">{said}</p>', "") == fresh.text
    reopened.closed.clear()

    async def is_fresh() -> bool:
        again = await browser.get(path, headers=spoken)
        return "x-stale" not in again.headers and said not in again.text

    await wait_until_async(is_fresh, "the page is made anew")


async def test_a_404_that_is_not_catalogs_drops_no_page(
    reopened: CatalogDoor, browser: httpx.AsyncClient
) -> None:
    await browser.get("/products/mug")
    reopened.closed, reopened.closed_with = {CATALOG}, 404
    for _ in range(2):
        stale = await browser.get("/products/mug")
        assert (stale.status_code, stale.headers.get("x-stale")) == (200, "1")


async def test_a_page_never_seen_has_to_wait(reopened: CatalogDoor, browser: httpx.AsyncClient) -> None:
    reopened.closed.add(CATALOG)
    answer = await browser.get("/products/mug")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("path", ["/cart", "/checkout"])
async def test_who_is_buying_reads_that_nothing_is_lost(path: str, lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.get(path, headers={"Cookie": "__Host-kiosk_cart=" + "0" * 32})
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "Your cart and your orders are safe" in answer.text
