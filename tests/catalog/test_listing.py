"""The product list: filters, sorts, paging, and what it refuses."""

import base64
import json
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from services.catalog.listing import SORTS
from services.catalog.shapes import ProductPage
from tests.catalog.conftest import AddProduct

pytestmark = pytest.mark.anyio
PRODUCTS = "/api/catalog/products"


def cursor_of(sort: str, moment: str) -> str:
    """As catalog writes one, but of any moment."""
    written = json.dumps([sort, moment, None, None, None, 1], separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


async def _all_pages(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        response = await client.get(PRODUCTS, params={**params, **({"cursor": cursor} if cursor else {})})
        assert response.status_code == 200, response.text
        page = response.json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def _slugs(client: httpx.AsyncClient, **params: Any) -> list[str]:
    return [item["slug"] for item in await _all_pages(client, **params)]


@pytest.mark.parametrize("sort", [*SORTS])
async def test_paging_visits_each_published_product_once_in_every_sort(
    demo: httpx.AsyncClient, demo_url: str, sort: str
) -> None:
    owner = await asyncpg.connect(demo_url)
    published = await owner.fetchval("SELECT count(*) FROM catalog.products WHERE published_at IS NOT NULL")
    await owner.close()
    slugs = await _slugs(demo, sort=sort, limit=37)
    assert len(slugs) == len(set(slugs)) == published


@pytest.mark.parametrize("sort", ["relevance", *SORTS])
async def test_paging_a_search_visits_each_match_once_in_every_sort(
    demo: httpx.AsyncClient, sort: str
) -> None:
    by_small_pages = await _slugs(demo, q="cotton", sort=sort, limit=7)
    assert len(by_small_pages) > 7
    assert by_small_pages == await _slugs(demo, q="cotton", sort=sort, limit=100)
    assert len(set(by_small_pages)) == len(by_small_pages)


async def test_prices_ascend_and_descend(demo: httpx.AsyncClient) -> None:
    prices = [item["price"]["amount"] for item in await _all_pages(demo, sort="price", limit=100)]
    assert prices == sorted(prices)
    assert prices[::-1] == [
        item["price"]["amount"] for item in await _all_pages(demo, sort="-price", limit=100)
    ]


async def test_the_answer_has_the_documented_shape(demo: httpx.AsyncClient) -> None:
    response = await demo.get(PRODUCTS)
    page = msgspec.json.decode(response.content, type=ProductPage)
    assert len(page.items) == 24
    assert response.headers["x-release"] == "test-release"
    assert response.headers["x-request-id"]


async def test_a_category_holds_what_its_children_hold(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute(
        """
        INSERT INTO catalog.categories (id, parent_id, slug, name)
        VALUES (1, NULL, 'home', 'Home'), (2, 1, 'kitchen', 'Kitchen'), (3, 1, 'bath', 'Bath')
        """
    )
    await add_product("mug", category="kitchen")
    await add_product("towel", category="bath")
    await add_product("nowhere")
    assert await _slugs(catalog, category="home", sort="name") == ["mug", "towel"]
    assert await _slugs(catalog, category="kitchen") == ["mug"]
    assert await _slugs(catalog, category="garden") == []


async def test_filters_narrow_together(catalog: httpx.AsyncClient, add_product: AddProduct) -> None:
    red, blue = '{"color": "red"}', '{"color": "blue", "size": "M"}'
    await add_product("cheap-red", price_minor=500, brand="Åse", attributes=red)
    await add_product("dear-red", price_minor=5000, brand="Åse", attributes=red)
    await add_product("blue", price_minor=700, brand="Bo", attributes=blue)
    await add_product("sold-out", price_minor=600, brand="Bo", attributes=red, available=0)
    assert set(await _slugs(catalog, **{"attr.color": "red"})) == {"cheap-red", "dear-red", "sold-out"}
    assert set(await _slugs(catalog, **{"attr.color": ["red", "blue"], "in_stock": "true"})) == {
        "cheap-red",
        "dear-red",
        "blue",
    }
    assert await _slugs(catalog, **{"attr.color": "blue", "attr.size": "M"}) == ["blue"]
    assert await _slugs(catalog, **{"attr.color": "red", "attr.size": "M"}) == []
    assert await _slugs(catalog, brand="Åse", price_max=500) == ["cheap-red"]
    assert set(await _slugs(catalog, brand=["Åse", "Bo"], price_min=600)) == {"dear-red", "blue", "sold-out"}
    assert await _slugs(catalog, price_min=900, price_max=800) == []


async def test_an_unpublished_product_is_nowhere(catalog: httpx.AsyncClient, add_product: AddProduct) -> None:
    await add_product("draft", published_at=None)
    assert await _slugs(catalog) == []
    assert await _slugs(catalog, q="draft") == []
    assert (await catalog.get(f"{PRODUCTS}/draft")).status_code == 404


async def test_a_product_that_sold_for_more_says_so(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("mug", price_minor=800, compare_at_minor=1000, available=3)
    [card] = await _all_pages(catalog)
    assert card["price"] == {"amount": 800, "currency": "EUR"}
    assert card["compare_at"] == {"amount": 1000, "currency": "EUR"}
    assert card["availability"] == "low"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"sort": "relevance"}, "sort"),
        ({"sort": "relevance", "q": " "}, "sort"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WyJuZXdlc3QiXQ"}, "cursor"),
        ({"cursor": cursor_of("newest", "0001-01-01T00:00:00+14:00")}, "cursor"),
        ({"cursor": cursor_of("newest", "9999-12-31T23:59:59-14:00")}, "cursor"),
        ({"cursor": cursor_of("newest", "2026-01-01T00:00:00+01:00")}, "cursor"),
        ({"cursor": cursor_of("newest", "0001-01-01T00:00:00")}, "cursor"),
        ({"limit": "101"}, "limit"),
        ({"facet": "1"}, "facet"),
        ({"q": "a\x00b"}, "q"),
    ],
)
async def test_a_wrong_parameter_is_refused_by_name(
    demo: httpx.AsyncClient, params: dict[str, str], field: str
) -> None:
    response = await demo.get(PRODUCTS, params=params)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_list_may_begin_at_any_moment(demo: httpx.AsyncClient, moment: str) -> None:
    assert (await demo.get(PRODUCTS, params={"cursor": cursor_of("newest", moment)})).status_code == 200


async def test_the_longest_titles_have_a_next_page(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    """Of 200 characters with four bytes each, and of such as grow when their accents are taken away."""
    for number, sign in enumerate(("杯", "🪑", "㎢", '"')):
        await add_product(f"p-{number}", title=sign * 200)
    assert len(await _slugs(catalog, sort="name", limit=1)) == 4


async def test_a_cursor_of_another_sort_is_refused(demo: httpx.AsyncClient) -> None:
    cursor = (await demo.get(PRODUCTS, params={"sort": "price"})).json()["next_cursor"]
    response = await demo.get(PRODUCTS, params={"sort": "name", "cursor": cursor})
    assert response.status_code == 422


@pytest.mark.parametrize(
    "q", ["'", '"', "a & | !", "((", ":*", "\\", "%", "the", "or", "- -", "🪑", "a" * 200]
)
async def test_no_search_text_breaks_the_search(demo: httpx.AsyncClient, q: str) -> None:
    assert (await demo.get(PRODUCTS, params={"q": q})).status_code == 200
    assert (await demo.get("/api/catalog/suggest", params={"q": q})).status_code == 200
