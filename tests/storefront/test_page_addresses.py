"""Which addresses are one page to the cache: those that show the same, and no others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape

import asyncpg
import httpx
import pytest

from services.storefront import filters, page_cache
from services.storefront.app import service
from tests.conftest import in_process
from tests.storefront.conftest import CatalogDoor

CATALOG = "/api/catalog/"
SEEN = ("/products/plate", "/search", "/categories/mugs?brand=Okto", "/")


@pytest.fixture
async def keeping(
    door: CatalogDoor, kitchen: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A storefront that keeps its pages for the whole test."""
    monkeypatch.setenv("INTERNAL_URL", door.url)
    monkeypatch.setenv("CACHE_MEMORY_SECONDS", "60")
    async with in_process(service) as client:
        yield client


def _with(address: str, parameters: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{parameters}"


async def test_parameters_that_a_page_ignores_take_no_copy_from_anybody(
    door: CatalogDoor, keeping: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "PAGES_MAX", len(SEEN))
    for address in SEEN:
        await keeping.get(address)
    for number in range(10):
        for address in SEEN:
            assert (await keeping.get(_with(address, f"utm={number}"))).status_code == 200
    door.closed.add(CATALOG)
    for address in SEEN:
        assert (await keeping.get(address)).status_code == 200, address
        assert (await keeping.get(_with(address, "gclid=abc"))).status_code == 200, address


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("/", "/?gclid=abc&fbclid=1"),
        ("/products/plate", "/products/%70late?variant=1"),
        ("/search?q=mug&sort=price", "/search?sort=price&q=+mug++&utm_source=letter"),
        ("/search?brand=Fjell&brand=Okto", "/search?brand=Okto&brand=Fjell&brand=Okto&attr.Color="),
        ("/categories/mugs?brand=Okto", "/categories/mugs?q=words&category=plates&brand=Okto&sort=newest"),
    ],
)
async def test_the_same_page_at_another_spelling_of_its_address_is_not_made_again(
    address: str, spelled: str, door: CatalogDoor, keeping: httpx.AsyncClient
) -> None:
    page = await keeping.get(address)
    asked = len(door.asked)
    again = await keeping.get(spelled)
    assert (again.status_code, again.text) == (200, page.text)
    assert len(door.asked) == asked


async def test_a_rush_by_links_of_campaigns_makes_the_page_once(
    door: CatalogDoor, keeping: httpx.AsyncClient
) -> None:
    rush = await asyncio.gather(*(keeping.get(f"/products/plate?gclid={number}") for number in range(10)))
    assert {page.status_code for page in rush} == {200}
    assert sum(path.startswith("/api/catalog/products/plate") for path in door.asked) == 1


async def test_pages_that_differ_are_not_taken_for_one_another(
    keeping: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "_PAGE_SIZE", 2)
    first = await keeping.get("/categories/mugs")
    found = re.search(r'href="(/categories/mugs\?cursor=[^"]+)"', first.text)
    assert found
    addresses = (
        "/categories/mugs",
        unescape(found[1]),
        "/categories/mugs?sort=price",
        "/categories/mugs?price_from=10",
        "/categories/mugs?price_to=10",
        "/categories/mugs?in_stock=1",
        "/categories/mugs?brand=Okto",
        "/categories/mugs?attr.Color=red",
        "/categories/plates",
        "/search",
        "/search?q=mug",
        "/search?category=mugs",
        "/search?price_from=dear",
        "/search?price_from=cheap",
        "/search?q=" + 300 * "+",
        "/products/plate",
        "/products/red-mug",
    )
    spoken = [(address, language) for address in addresses for language in ("en", "de")]
    for _ in range(2):
        pages = [await keeping.get(a, headers={"Accept-Language": code}) for a, code in spoken]
        assert len({page.text for page in pages}) == len(spoken)


async def test_a_question_mark_in_a_name_is_no_query(keeping: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await keeping.get("/categories/mugs?sort=price")).status_code == 200
        assert (await keeping.get("/categories/mugs%3Fsort=price")).status_code == 404
        assert (await keeping.get("/products/plate%3F")).status_code == 404


async def test_who_asks_at_once_for_a_former_name_is_led_on_with_their_own_query(
    keeping: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE catalog.products SET slug = 'dish' WHERE slug = 'plate'")
    answers = await asyncio.gather(*(keeping.get(f"/products/plate?utm={n}") for n in range(5)))
    assert [answer.headers["location"] for answer in answers] == [f"/products/dish?utm={n}" for n in range(5)]
