"""The sitemap, and what was renamed."""

from __future__ import annotations

import asyncio
import gzip
import re
from xml.etree import ElementTree

import asyncpg
import httpx
import pytest

from services.catalog import slugs
from services.storefront import crawlers
from tests.storefront.conftest import PUBLIC_URL, AddCategory, AddProduct, CatalogDoor

_NAMES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def addresses(document: str) -> list[str]:
    return [found.text or "" for found in ElementTree.fromstring(document).iterfind(".//s:loc", _NAMES)]


async def all_addresses(shop: httpx.AsyncClient) -> list[str]:
    """Every address of every part that the index names."""
    index = await shop.get("/sitemap.xml")
    assert index.headers["content-type"].startswith("application/xml")
    parts = [part.removeprefix(PUBLIC_URL) for part in addresses(index.text)]
    return [address for part in parts for address in addresses((await shop.get(part)).text)]


async def test_crawlers_learn_of_the_sitemap(lonely_shop: httpx.AsyncClient) -> None:
    lines = (await lonely_shop.get("/robots.txt")).text.splitlines()
    assert f"Sitemap: {PUBLIC_URL}/sitemap.xml" in lines


@pytest.mark.usefixtures("kitchen")
async def test_the_sitemap_names_every_page_once(shop: httpx.AsyncClient) -> None:
    found = await all_addresses(shop)
    assert sorted(found) == sorted(
        [
            f"{PUBLIC_URL}/",
            *(f"{PUBLIC_URL}/categories/{slug}" for slug in ("kitchen", "mugs", "plates")),
            *(f"{PUBLIC_URL}/products/{slug}" for slug in ("blue-mug", "red-mug", "old-mug", "plate")),
        ]
    )
    for address in found:
        assert (await shop.get(address.removeprefix(PUBLIC_URL))).status_code == 200


@pytest.mark.usefixtures("kitchen")
async def test_a_product_taken_out_of_the_shop_leaves_the_sitemap(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE catalog.products SET published_at = NULL WHERE slug = 'plate'")
    assert f"{PUBLIC_URL}/products/plate" not in await all_addresses(shop)


async def test_parts_are_walked_page_by_page_and_gaps_cost_none(
    shop: httpx.AsyncClient,
    add_product: AddProduct,
    owner: asyncpg.Connection,
    door: CatalogDoor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crawlers, "PART_SIZE", 10)
    monkeypatch.setattr(slugs, "_PAGE_SIZE", 3)
    for number in range(24):
        await add_product(f"thing-{number}")
    await owner.execute("SELECT setval(pg_get_serial_sequence('catalog.products', 'id'), 1005)")
    await add_product("thing-24")
    index = addresses((await shop.get("/sitemap.xml")).text)
    assert len(index) <= 1 + 3 + 1
    found = [a for a in await all_addresses(shop) if "/products/" in a]
    assert sorted(found) == sorted(f"{PUBLIC_URL}/products/thing-{number}" for number in range(25))
    assert sum(path.startswith("/internal/catalog/slugs?") for path in door.asked) >= 9


@pytest.mark.usefixtures("kitchen")
async def test_a_part_comes_compressed_to_those_who_take_it(shop: httpx.AsyncClient) -> None:
    part = addresses((await shop.get("/sitemap.xml")).text)[1].removeprefix(PUBLIC_URL)
    plain = await shop.get(part, headers={"Accept-Encoding": "identity"})
    async with shop.stream("GET", part, headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        body = b"".join([chunk async for chunk in packed.aiter_raw()])
    assert gzip.decompress(body) == plain.content
    refused = await shop.get(part, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    assert refused.content == plain.content
    assert re.search(r"<lastmod>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ</lastmod>", plain.text)


async def test_the_head_of_a_part_is_answered_without_walking_it(
    shop: httpx.AsyncClient, add_product: AddProduct, door: CatalogDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slugs, "_PAGE_SIZE", 3)
    for number in range(10):
        await add_product(f"thing-{number}")
    part = addresses((await shop.get("/sitemap.xml")).text)[1].removeprefix(PUBLIC_URL)
    whole = await shop.get(part)
    before = len(door.asked)
    head = await shop.head(part)
    assert len(door.asked) == before + 1
    assert (head.status_code, head.content) == (200, b"")
    names = ("content-type", "content-encoding", "content-length", "cache-control", "vary")
    assert [head.headers.get(name) for name in names] == [whole.headers.get(name) for name in names]


@pytest.mark.parametrize(
    "name",
    ["products-1.xml", "products-x.xml", "products-01.xml", f"products-{'9' * 40}.xml", "x.xml", "pages"],
)
async def test_a_part_that_is_not_there_is_not_found(name: str, shop: httpx.AsyncClient) -> None:
    assert (await shop.get(f"/sitemaps/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemaps/pages.xml", "/sitemaps/products-0.xml"])
async def test_without_catalog_there_is_no_half_sitemap(path: str, lonely_shop: httpx.AsyncClient) -> None:
    assert (await lonely_shop.get(path)).status_code == 503


@pytest.mark.usefixtures("kitchen")
async def test_the_address_of_a_renamed_product_leads_on_for_good(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE catalog.products SET slug = 'dish' WHERE slug = 'plate'")
    answer = await shop.get("/products/plate?utm_source=x")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/products/dish?utm_source=x"
    assert (await shop.get("/products/dish")).status_code == 200
    assert (await shop.get("/products/never-was")).status_code == 404


async def test_the_address_of_a_renamed_category_leads_on_for_good(
    shop: httpx.AsyncClient, add_category: AddCategory, owner: asyncpg.Connection
) -> None:
    await add_category("cups", "Cups")
    await owner.execute("UPDATE catalog.categories SET slug = 'mugs' WHERE slug = 'cups'")
    answer = await shop.get("/categories/cups?sort=price")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/categories/mugs?sort=price"
    assert (await shop.get("/categories/never-was")).status_code == 404


async def test_a_product_that_is_out_of_the_shop_is_led_to_by_nobody(
    shop: httpx.AsyncClient, add_product: AddProduct, owner: asyncpg.Connection
) -> None:
    await add_product("cup")
    await owner.execute("UPDATE catalog.products SET slug = 'mug', published_at = NULL WHERE slug = 'cup'")
    gone = await asyncio.gather(shop.get("/products/cup"), shop.get("/products/mug"))
    assert [answer.status_code for answer in gone] == [404, 404]
