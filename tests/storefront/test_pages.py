"""What the pages show, and what they do when a part of the shop is away."""

from __future__ import annotations

import re

import asyncpg
import httpx
import pytest

from tests.storefront.conftest import PUBLIC_URL, AddProduct, CatalogDoor


def titles(html: str) -> list[str]:
    return re.findall(r'<h3><a href="/products/[^"]+">([^<]+)</a>', html)


def canonical(html: str) -> str:
    found = re.search(r'<link rel="canonical" href="([^"]+)"', html)
    assert found
    return found[1].replace("&amp;", "&")


@pytest.mark.usefixtures("kitchen")
async def test_home_shows_the_categories_and_the_newest_products_first(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/")
    assert page.status_code == 200
    assert '<a href="/categories/kitchen">Kitchen &amp; table</a>' in page.text
    assert titles(page.text)[0] == "Red Mug"
    assert canonical(page.text) == f"{PUBLIC_URL}/"


@pytest.mark.usefixtures("kitchen")
async def test_a_category_shows_its_trail_its_children_and_its_products(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/categories/mugs")
    assert sorted(titles(page.text)) == ["Blue Mug", "Old Mug", "Red Mug"]
    assert 'aria-label="Breadcrumb"' in page.text
    assert '<a href="/categories/kitchen">Kitchen &amp; table</a>' in page.text
    assert 'href="/categories/plates">Plates</a>' in (await shop.get("/categories/kitchen")).text


@pytest.mark.usefixtures("kitchen")
async def test_filters_narrow_a_list_and_stay_in_the_form(shop: httpx.AsyncClient) -> None:
    page = await shop.get(
        "/categories/kitchen?brand=Okto&brand=Fjell&price_from=9&price_to=20&in_stock=1&sort=price"
    )
    assert titles(page.text) == ["Plate", "Blue Mug"]
    assert 'value="Okto" checked' in page.text
    assert 'name="price_to" value="20"' in page.text
    assert 'value="price" selected' in page.text
    assert "Up to €20.00" in page.text


@pytest.mark.usefixtures("kitchen")
async def test_a_filter_can_be_removed_by_its_link(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/search?q=mug&brand=Okto&in_stock=1")
    assert titles(page.text) == ["Red Mug"]
    assert 'href="/search?q=mug&amp;in_stock=1"' in page.text
    assert 'href="/search?q=mug&amp;brand=Okto"' in page.text


@pytest.mark.usefixtures("kitchen")
async def test_blank_fields_of_a_submitted_form_mean_unset(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/search?q=&category=&price_from=&price_to=&sort=relevance")
    assert page.status_code == 200
    assert len(titles(page.text)) == 4
    assert canonical(page.text) == f"{PUBLIC_URL}/search"


async def test_the_next_page_leads_on_until_every_product_was_seen_once(
    shop: httpx.AsyncClient, add_product: AddProduct
) -> None:
    for number in range(50):
        await add_product(f"thing-{number:02d}", price_minor=1000)
    address, seen = "/search?sort=name&utm_source=mail", []
    while address:
        page = await shop.get(address)
        seen += titles(page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = following[1].replace("&amp;", "&") if following else ""
        assert "utm_source" not in address
    assert seen == [f"Thing {number:02d}" for number in range(50)]
    assert 'href="/search?sort=name">Back to the first page</a>' in page.text


@pytest.mark.usefixtures("kitchen")
async def test_unknown_parameters_are_ignored_and_left_out_of_canonical_links(
    shop: httpx.AsyncClient,
) -> None:
    page = await shop.get("/categories/mugs?utm_source=mail&sort=price&fbclid=x&q=plate&category=plates")
    assert page.status_code == 200
    assert len(titles(page.text)) == 3
    assert canonical(page.text) == f"{PUBLIC_URL}/categories/mugs?sort=price"


@pytest.mark.usefixtures("kitchen")
async def test_a_search_keeps_its_words_in_the_box(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/search", params={"q": 'blue "mug" é'})
    assert 'name="q" value="blue &#34;mug&#34; é"' in page.text


@pytest.mark.usefixtures("kitchen")
async def test_a_search_without_hits_suggests_what_may_have_been_meant(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/search?q=platte")
    assert page.status_code == 200
    assert "We found nothing" in page.text
    assert "Did you mean" in page.text
    assert '<a href="/products/plate">' in page.text
    assert '<a href="/categories/kitchen">' in page.text


@pytest.mark.usefixtures("kitchen")
async def test_a_product_shows_its_price_before_and_what_is_saved(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/products/plate?ref=home")
    assert "€9.00" in page.text
    assert "<s>€12.00</s>" in page.text
    assert "−25%" in page.text  # noqa: RUF001  # a minus sign, as typeset
    assert "In stock" in page.text
    assert canonical(page.text) == f"{PUBLIC_URL}/products/plate"


async def test_four_hundred_variants_are_folded_into_groups(
    shop: httpx.AsyncClient, add_product: AddProduct, owner: asyncpg.Connection
) -> None:
    product_id = await add_product("shirt", attributes='{"color": "Color 0", "size": "0"}')
    await owner.execute(
        """
        INSERT INTO catalog.variants (product_id, sku, price_minor, available, attributes)
        SELECT $1, 'SHIRT-' || n, 1000 + n, 5,
               json_build_object('color', 'Color ' || n / 20, 'size', (n % 20)::text)
        FROM generate_series(1, 399) n
        """,
        product_id,
    )
    page = await shop.get("/products/shirt")
    assert "400 variants" in page.text
    assert page.text.count('<details class="variant-group"') == 20
    assert page.text.count('<td class="sku">') == 400


@pytest.mark.usefixtures("kitchen")
async def test_pages_are_revalidated_by_their_tag(shop: httpx.AsyncClient) -> None:
    first = await shop.get("/products/plate")
    assert first.headers["cache-control"] == "public, max-age=0, must-revalidate"
    again = await shop.get("/products/plate", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert first.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/", "/search?q=x", "/nothing-here", "/search?sort=bogus", "/robots.txt"])
async def test_every_answer_forbids_foreign_scripts_styles_and_frames(
    path: str, lonely_shop: httpx.AsyncClient
) -> None:
    page = await lonely_shop.get(path)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in page.text
    assert " style=" not in page.text


@pytest.mark.usefixtures("kitchen")
async def test_home_does_without_categories_when_only_they_are_missing(
    shop: httpx.AsyncClient, door: CatalogDoor
) -> None:
    door.closed = {"/api/catalog/categories"}
    page = await shop.get("/")
    assert page.status_code == 200
    assert titles(page.text)[0] == "Red Mug"


@pytest.mark.usefixtures("kitchen")
async def test_home_does_without_products_when_only_they_are_missing(
    shop: httpx.AsyncClient, door: CatalogDoor
) -> None:
    door.closed = {"/api/catalog/products"}
    page = await shop.get("/")
    assert page.status_code == 200
    assert "Kitchen &amp; table" in page.text
    assert "can’t be shown at this moment" in page.text


@pytest.mark.usefixtures("kitchen")
async def test_search_and_product_do_without_categories_and_suggestions(
    shop: httpx.AsyncClient, door: CatalogDoor
) -> None:
    door.refusing = {"/api/catalog/categories", "/api/catalog/suggest"}
    assert titles((await shop.get("/search?q=mug")).text)
    assert (await shop.get("/search?q=platte")).status_code == 200
    assert (await shop.get("/products/plate")).status_code == 200


@pytest.mark.usefixtures("kitchen")
async def test_the_categories_are_not_asked_for_by_every_page(
    shop: httpx.AsyncClient, door: CatalogDoor
) -> None:
    for _ in range(5):
        await shop.get("/products/plate")
    assert sum(path.startswith("/api/catalog/categories") for path in door.asked) == 1
