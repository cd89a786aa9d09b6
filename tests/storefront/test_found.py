"""What search engines and the sites a page is shared on are told."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import asyncpg
import httpx
import pytest

from services.storefront.found import json_ld
from tests.storefront.conftest import PUBLIC_URL, AddCategory, AddProduct


def facts(page: httpx.Response) -> dict[str, dict[str, Any]]:
    """The page's JSON-LD by type."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page.text, re.DOTALL)
    decoded = [json.loads(one) for one in found]
    assert all(one["@context"] == "https://schema.org" for one in decoded)
    return {one["@type"]: one for one in decoded}


def meta(page: httpx.Response, name: str) -> str | None:
    found = re.findall(rf'<meta (?:name|property)="{name}" content="([^"]*)"', page.text)
    assert len(found) <= 1, f"{name} is said more than once"
    return unescape(found[0]) if found else None


@pytest.fixture
async def lamp(add_category: AddCategory, add_product: AddProduct, owner: asyncpg.Connection) -> None:
    """A lamp at 19.99 in Lighting > Desk & floor."""
    lighting = await add_category("lighting", "Lighting")
    await add_category("desk-lamps", "Desk & floor", lighting)
    product_id = await add_product(
        "lamp",
        title='The "Lamp"',
        brand="Fjell",
        category="desk-lamps",
        price_minor=1999,
        description="It glows.",
    )
    await owner.execute(
        "UPDATE catalog.product_details SET images = $2 WHERE product_id = $1",
        product_id,
        '[{"url": "/pictures/lamp/7.svg", "alt": "A lamp"}, {"url": "https://img.example/2.jpg", "alt": ""}]',
    )


@pytest.mark.usefixtures("lamp")
async def test_a_product_tells_its_price_stock_and_place(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/products/lamp")
    product, trail = facts(page)["Product"], facts(page)["BreadcrumbList"]["itemListElement"]
    assert product["name"] == 'The "Lamp"'
    assert product["sku"] == "SKU-lamp"
    assert product["brand"] == {"@type": "Brand", "name": "Fjell"}
    assert product["image"] == [f"{PUBLIC_URL}/pictures/lamp/7.svg", "https://img.example/2.jpg"]
    assert product["offers"] == {
        "@type": "Offer",
        "price": "19.99",
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
        "url": f"{PUBLIC_URL}/products/lamp",
    }
    assert [(step["position"], step["name"], step["item"]) for step in trail] == [
        (1, "Lighting", f"{PUBLIC_URL}/categories/lighting"),
        (2, "Desk & floor", f"{PUBLIC_URL}/categories/desk-lamps"),
        (3, 'The "Lamp"', f"{PUBLIC_URL}/products/lamp"),
    ]


@pytest.mark.usefixtures("lamp")
async def test_a_shared_product_has_a_title_a_picture_and_a_price(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/products/lamp")
    assert meta(page, "description") == "It glows."
    assert meta(page, "og:type") == "product"
    assert meta(page, "og:title") == 'The "Lamp"'
    assert meta(page, "og:url") == f"{PUBLIC_URL}/products/lamp"
    assert meta(page, "og:image") == f"{PUBLIC_URL}/pictures/lamp/7.svg"
    assert meta(page, "product:price:amount") == "19.99"
    assert meta(page, "og:locale") == "en_GB"
    assert meta(page, "robots") is None


async def test_variants_of_several_prices_are_one_offer_with_a_span(
    shop: httpx.AsyncClient, add_product: AddProduct, owner: asyncpg.Connection
) -> None:
    product_id = await add_product("mug", price_minor=900, available=0)
    await owner.execute(
        "INSERT INTO catalog.variants (product_id, sku, price_minor) VALUES ($1, 'XL', 1250)", product_id
    )
    await owner.execute("SELECT catalog.index_products($1, 5)", [product_id])
    offers = facts(await shop.get("/products/mug"))["Product"]["offers"]
    assert offers["@type"] == "AggregateOffer"
    assert (offers["lowPrice"], offers["highPrice"], offers["offerCount"]) == ("9.00", "12.50", 2)
    assert offers["availability"] == "https://schema.org/OutOfStock"


@pytest.mark.usefixtures("lamp")
async def test_home_tells_how_to_search_the_shop(shop: httpx.AsyncClient) -> None:
    page = await shop.get("/")
    website = facts(page)["WebSite"]
    template = website["potentialAction"]["target"]["urlTemplate"]
    assert template == f"{PUBLIC_URL}/search?q={{search_term_string}}"
    assert meta(page, "description")
    german = await shop.get("/", headers={"Accept-Language": "de"})
    assert meta(german, "og:locale") == "de_DE"
    assert meta(german, "description") != meta(page, "description")


@pytest.mark.usefixtures("lamp")
async def test_of_a_category_only_the_whole_list_is_for_search_engines(shop: httpx.AsyncClient) -> None:
    whole = await shop.get("/categories/lighting?utm_source=x")
    assert meta(whole, "robots") is None
    assert facts(whole)["BreadcrumbList"]["itemListElement"][0]["name"] == "Lighting"
    for query in ("?sort=price", "?brand=Fjell", "?in_stock=1"):
        part = await shop.get(f"/categories/lighting{query}")
        assert meta(part, "robots") == "noindex, follow"


@pytest.mark.usefixtures("lamp")
async def test_pages_of_one_shopper_tell_nothing(shopper: httpx.AsyncClient) -> None:
    page = await shopper.get("/cart")
    assert facts(page) == {}
    assert meta(page, "og:title") is None


@pytest.mark.parametrize(
    "text", ["</script><script>alert(1)</script>", "<!--<script>", "a & b", "\u2028\u2029", 'quo"te', "]]>"]
)
def test_facts_can_not_leave_their_script(text: str) -> None:
    written = json_ld({"@type": "Product", "name": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written)["name"] == text
