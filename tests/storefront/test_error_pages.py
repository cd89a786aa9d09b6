"""What a person reads when something is wrong, and what a machine gets instead."""

from __future__ import annotations

import httpx
import pytest

from tests.storefront.conftest import CatalogDoor


async def test_what_is_not_there_gets_a_friendly_404_with_a_search_box(shop: httpx.AsyncClient) -> None:
    missing = [
        "/nothing",
        "/products/none",
        "/products/a%00b",
        "/products/%2e%2e",
        "/categories/none",
        "/a/b",
    ]
    for path in missing:
        page = await shop.get(path)
        assert page.status_code == 404, path
        assert page.headers["content-type"].startswith("text/html")
        assert "There is nothing here" in page.text
        assert 'role="search"' in page.text


async def test_under_api_an_error_is_a_problem(lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("price_from=cheap", "“cheap” is not a price"),
        ("price_from=1.999", "is not a price"),
        ("price_to=-1", "is not a price"),
        ("price_from=20&price_to=10", "below the lowest"),
        ("sort=bogus", "is not a way to sort"),
        ("in_stock=maybe", "neither set"),
        ("q=" + "x" * 201, "200 characters at most"),
        ("category=" + "'" * 50_000, "200 characters at most"),
        ("brand=a&brand=" + "'" * 50_000, "200 characters at most"),
        ("cursor=" + "x" * 2001, "2,000 characters at most"),
        ("brand=" + "&brand=".join(map(str, range(21))), "20 brands at most"),
    ],
)
async def test_a_wrong_parameter_gets_a_page_that_says_what_is_wrong(
    query: str, words: str, lonely_shop: httpx.AsyncClient
) -> None:
    page = await lonely_shop.get(f"/search?{query}")
    assert page.status_code == 422
    assert words in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_a_cursor_of_another_list_leads_back_to_the_first_page(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/search?cursor=bogus")
    assert page.status_code == 422
    assert "Begin again at its first page" in page.text


@pytest.mark.parametrize("query", ["q=a&q=b", "q=%00", "&".join(f"x{n}=1" for n in range(101))])
async def test_a_garbled_address_gets_a_friendly_422(query: str, lonely_shop: httpx.AsyncClient) -> None:
    page = await lonely_shop.get(f"/search?{query}")
    assert page.status_code == 422
    assert "We can’t read this address" in page.text


@pytest.mark.parametrize("path", ["/", "/search?q=mug", "/products/plate", "/categories/kitchen"])
async def test_without_catalog_pages_answer_503_and_when_to_come_back(
    path: str, lonely_shop: httpx.AsyncClient
) -> None:
    page = await lonely_shop.get(path)
    assert page.status_code == 503
    assert page.headers["retry-after"] == "2"
    assert page.headers["cache-control"] == "no-store"
    assert "We’ll be right back" in page.text
    assert page.headers["x-request-id"] in page.text


@pytest.mark.usefixtures("kitchen")
async def test_the_503_page_still_shows_the_categories_last_known(
    shop: httpx.AsyncClient, door: CatalogDoor
) -> None:
    await shop.get("/")
    door.closed = {"/"}
    page = await shop.get("/products/plate")
    assert page.status_code == 503
    assert "Kitchen &amp; table" in page.text


async def test_what_needs_nobody_works_without_catalog(lonely_shop: httpx.AsyncClient) -> None:
    for path in ("/api/docs", "/api/openapi.json", "/robots.txt", "/favicon.ico", "/pictures/mug/1.svg"):
        assert (await lonely_shop.get(path)).status_code == 200, path


async def test_another_method_than_get_is_refused(lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.post("/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.usefixtures("kitchen")
async def test_an_unexpected_fault_gets_the_shops_own_500(
    shop: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storefront.pages.variant_table", lambda _variants: 1 / 0)
    page = await shop.get("/products/plate")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert page.headers["x-request-id"] in page.text
