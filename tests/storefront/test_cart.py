"""The cart's page and its cookie, over a real checkout and catalog."""

from __future__ import annotations

import re
from collections.abc import Callable

import asyncpg
import httpx
import pytest

from services.storefront.app import service
from tests.conftest import in_process
from tests.storefront.conftest import AddProduct, AddStock, CatalogDoor
from tests.storefront.test_escaping import TEXTS, Page


async def add(shopper: httpx.AsyncClient, sku: str, quantity: str = "1") -> httpx.Response:
    return await shopper.post("/cart/lines", data={"sku": sku, "quantity": quantity})


def words(page: httpx.Response) -> str:
    return " ".join(" ".join(Page(page.text).texts).split())


async def test_the_first_article_makes_a_cart_that_is_then_carried(
    shopper: httpx.AsyncClient, mug: str
) -> None:
    assert "There is nothing in it yet." in (await shopper.get("/cart")).text
    answer = await add(shopper, mug, "2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cart")
    await add(shopper, mug, "1")
    page = await shopper.get("/cart")
    assert 'name="quantity" value="3"' in page.text
    assert "€45.00" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert '<meta name="robots" content="noindex">' in page.text


async def test_over_https_the_cookie_is_bound_to_the_host_and_hidden_from_scripts(
    shopper: httpx.AsyncClient, mug: str
) -> None:
    identity, count = (await add(shopper, mug, "2")).headers.get_list("set-cookie")
    assert re.fullmatch(
        r"__Host-kiosk_cart=[\w-]{20,}; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax; Secure", identity
    )
    assert count == "kiosk_articles=2; Max-Age=2592000; Path=/; SameSite=lax; Secure"


async def test_over_http_the_cookie_has_the_plain_name(
    till: CatalogDoor, mug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:8080")
    async with in_process(service) as shop:
        shop.headers["Origin"] = "http://127.0.0.1:8080"
        identity, _ = (await add(shop, mug)).headers.get_list("set-cookie")
    assert re.fullmatch(r"kiosk_cart=[\w-]{20,}; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax", identity)


async def test_a_cart_nobody_knows_is_replaced_silently(shopper: httpx.AsyncClient, mug: str) -> None:
    for cart_id in ("unknown-cart-0123456789", "../../../health", "x", "a" * 4000):
        shopper.cookies.clear()
        shopper.cookies.set("__Host-kiosk_cart", cart_id, domain="shop.example")
        page = await shopper.get("/cart")
        assert page.status_code == 200, cart_id
        assert "There is nothing in it yet." in page.text
        assert "Max-Age=0" in page.headers["set-cookie"]
        assert (await add(shopper, mug)).status_code == 303
        assert "€15.00" in (await shopper.get("/cart")).text


async def test_pages_that_caches_keep_say_nothing_of_the_cart(shopper: httpx.AsyncClient, mug: str) -> None:
    before = {path: await shopper.get(path) for path in ("/", "/products/mug", "/search?q=mug")}
    await add(shopper, mug, "7")
    for path, page in before.items():
        again = await shopper.get(path)
        assert again.text == page.text
        assert "set-cookie" not in again.headers
        assert again.headers["cache-control"].startswith("public")


async def test_a_line_is_set_and_removed(shopper: httpx.AsyncClient, mug: str) -> None:
    await add(shopper, mug)
    await shopper.post("/cart/quantity", data={"sku": mug, "quantity": "4"})
    assert "€60.00" in (await shopper.get("/cart")).text
    answer = await shopper.post("/cart/quantity", data={"sku": mug, "quantity": "0"})
    assert answer.headers.get_list("set-cookie")[1].startswith("kiosk_articles=0;")
    assert "There is nothing in it yet." in (await shopper.get("/cart")).text


async def test_a_number_that_is_none_is_refused(shopper: httpx.AsyncClient, mug: str) -> None:
    await add(shopper, mug, "2")
    for quantity in ("", "-1", "1.5", "many", "1000", "٣", "9" * 5000):
        for path in ("/cart/quantity", "/cart/lines"):
            page = await shopper.post(path, data={"sku": mug, "quantity": quantity})
            assert page.status_code == 422, quantity
            assert "a whole one, 999 at most" in page.text
    assert 'value="2"' in (await shopper.get("/cart")).text


async def test_what_is_not_sold_is_not_put_into_the_cart(shopper: httpx.AsyncClient) -> None:
    for sku in ("SKU-none", "", "..", "a/b", "x" * 65):
        page = await add(shopper, sku)
        assert page.status_code == 422, sku
        assert "There is nothing in it yet." in page.text


async def test_more_than_there_is_gets_a_warning_and_no_way_to_the_checkout(
    shopper: httpx.AsyncClient, mug: str
) -> None:
    await add(shopper, mug, "11")
    page = await shopper.get("/cart")
    assert "Fewer of “Mug” are left than the 11 in your cart." in words(page)
    assert "Go to the checkout" not in page.text


async def test_a_changed_price_is_told_in_words(
    shopper: httpx.AsyncClient, mug: str, owner: asyncpg.Connection
) -> None:
    await add(shopper, mug)
    await owner.execute("UPDATE catalog.variants SET price_minor = 1700")
    await owner.execute("UPDATE checkout.cart_lines SET quoted_until = now()")
    assert "The price of “Mug” has changed from €15.00 to €17.00." in words(await shopper.get("/cart"))


async def test_a_code_takes_its_part_off_until_it_is_taken_off_itself(
    shopper: httpx.AsyncClient, mug: str, owner: asyncpg.Connection
) -> None:
    await owner.execute("INSERT INTO checkout.discounts (code, percent_basis_points) VALUES ('TEN', 1000)")
    await add(shopper, mug)
    assert (await shopper.post("/cart/discount", data={"code": " ten "})).status_code == 303
    page = await shopper.get("/cart")
    assert "−€1.50" in page.text  # noqa: RUF001  # a minus sign, as typeset
    assert "€13.50" in page.text
    await shopper.post("/cart/discount/remove", data={"x": ""})
    assert "€13.50" not in (await shopper.get("/cart")).text


async def test_a_code_that_is_none_is_refused_beside_its_field(shopper: httpx.AsyncClient, mug: str) -> None:
    await add(shopper, mug)
    for code in ("", "NONE", "<b>", "x" * 41):
        page = await shopper.post("/cart/discount", data={"code": code})
        assert page.status_code == 422, code
        assert ("aria-describedby", "code-error") in Page(page.text).attributes
        assert ("value", code) in Page(page.text).attributes


async def test_what_is_sold_out_can_not_be_chosen(
    shopper: httpx.AsyncClient, add_product: AddProduct, owner: asyncpg.Connection
) -> None:
    product_id = await add_product("shirt", attributes='{"size": "S"}')
    await owner.execute(
        "INSERT INTO catalog.variants (product_id, sku, price_minor, available, attributes) "
        """VALUES ($1, 'SHIRT-M', 1000, 0, '{"size": "M"}'), ($1, 'SHIRT-L', 1000, 3, '{"size": "L"}')""",
        product_id,
    )
    await add_product("gone", available=0)
    page = (await shopper.get("/products/shirt")).text
    options = re.findall(r'<input type="radio" name="sku" value="([^"]+)" required( disabled)?', page)
    assert sorted(options) == [("SHIRT-L", ""), ("SHIRT-M", " disabled"), ("SKU-shirt", "")]
    assert "Add to cart" not in (await shopper.get("/products/gone")).text


async def test_markup_in_a_title_is_only_text(
    shopper: httpx.AsyncClient, add_product: AddProduct, add_stock: AddStock
) -> None:
    for number, text in enumerate(TEXTS):
        await add_product(f"thing-{number}", title=text, attributes='{"colour": "<i>"}')
        await add_stock(f"SKU-thing-{number}", 1)
        await add(shopper, f"SKU-thing-{number}", "2")
    page = Page((await shopper.get("/cart")).text)
    assert page.is_harmless
    assert set(TEXTS) <= set(page.texts)


@pytest.mark.parametrize("status", [503, 404])
async def test_with_checkout_away_one_can_still_look_around(
    till: CatalogDoor, shopper: httpx.AsyncClient, mug: str, status: int
) -> None:
    """Whatever Traefik says in its place: a cart that can't be asked for is not an empty one."""
    await add(shopper, mug)
    till.closed, till.closed_with = {"/api/checkout/"}, status
    assert (await shopper.get("/products/mug")).status_code == 200
    for page in (await shopper.get("/cart"), await add(shopper, mug)):
        assert page.status_code == 503
        assert page.headers["retry-after"] == "2"
        assert "set-cookie" not in page.headers
    till.closed = set()
    assert "€15.00" in (await shopper.get("/cart")).text


async def test_an_unreachable_shop_keeps_the_cookie(
    lonely_shop: httpx.AsyncClient, environment: Callable[..., None]
) -> None:
    lonely_shop.base_url = httpx.URL("https://shop.example")
    lonely_shop.cookies.set("__Host-kiosk_cart", "a" * 32, domain="shop.example")
    page = await lonely_shop.get("/cart")
    assert page.status_code == 503
    assert "set-cookie" not in page.headers
