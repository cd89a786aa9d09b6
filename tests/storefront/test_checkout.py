"""The checkout's form over a real checkout, as a browser without scripts sends it."""

from __future__ import annotations

import asyncio
import re
from html import unescape

import asyncpg
import httpx
import pytest

from tests.storefront.conftest import AddProduct, AddStock, CatalogDoor
from tests.storefront.test_cart import add, words
from tests.storefront.test_escaping import TEXTS, Page

FILLED = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "line1": "12 Analytical Way",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, name
    return unescape(found[1])


async def shown(shopper: httpx.AsyncClient, **typed: str) -> dict[str, str]:
    """The form after `Show shipping`, ready to be sent by `Order and pay`."""
    page = await shopper.get("/checkout")
    form = {**FILLED, "key": hidden(page, "key"), **typed}
    page = await shopper.post("/checkout", data={**form, "action": "show"})
    assert page.status_code == 200
    return {
        "shipping_method": "standard",
        **form,
        "expected_total": hidden(page, "expected_total"),
        "action": "order",
    }


async def order(shopper: httpx.AsyncClient, **typed: str) -> str:
    """Orders what is in the cart; the order's path."""
    answer = await shopper.post("/checkout", data=await shown(shopper, **typed))
    assert answer.status_code == 303, words(answer)
    path: str = answer.headers["location"]
    return path


@pytest.fixture
async def filled_cart(shopper: httpx.AsyncClient, mug: str) -> None:
    await add(shopper, mug, "2")


@pytest.mark.usefixtures("filled_cart")
async def test_a_shopper_without_scripts_comes_as_far_as_the_order(shopper: httpx.AsyncClient) -> None:
    page = await shopper.get("/checkout")
    assert page.headers["cache-control"] == "no-store"
    assert "Choose the country first" in page.text
    form = await shown(shopper)
    assert form["expected_total"] == "3490"
    answer = await shopper.post("/checkout", data=form)
    assert answer.status_code == 303
    page = await shopper.get(answer.headers["location"])
    assert page.status_code == 200
    assert "€34.90" in page.text


@pytest.mark.usefixtures("filled_cart")
async def test_the_same_form_sent_again_leads_to_the_same_order(
    shopper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    form = await shown(shopper)
    twins = await asyncio.gather(*(shopper.post("/checkout", data=form) for _ in range(5)))
    again = await shopper.post("/checkout", data=form)
    assert {answer.status_code for answer in (*twins, again)} == {303}
    assert len({answer.headers["location"] for answer in (*twins, again)}) == 1
    assert await owner.fetchval("SELECT count(*) FROM checkout.orders") == 1


@pytest.mark.usefixtures("filled_cart")
async def test_a_total_that_was_not_shown_is_shown_first(
    shopper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    form = await shown(shopper)
    page = await shopper.post("/checkout", data={**form, "shipping_method": "express"})
    assert page.status_code == 409
    assert "With Express shipping the total is €42.90." in words(page)
    assert await owner.fetchval("SELECT count(*) FROM checkout.orders") == 0
    form |= {"shipping_method": "express", "expected_total": hidden(page, "expected_total")}
    assert (await shopper.post("/checkout", data=form)).status_code == 303
    assert await owner.fetchval("SELECT total_minor FROM checkout.orders") == 4290


@pytest.mark.usefixtures("filled_cart")
async def test_a_price_that_rose_meanwhile_is_confirmed_before_it_is_charged(
    shopper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    form = await shown(shopper)
    await owner.execute("UPDATE catalog.variants SET price_minor = 1700")
    await owner.execute("UPDATE checkout.cart_lines SET quoted_until = now()")
    page = await shopper.post("/checkout", data=form)
    assert page.status_code == 409
    assert hidden(page, "expected_total") == "3890"
    assert await owner.fetchval("SELECT count(*) FROM checkout.orders") == 0


WRONG = [
    ("email", "", "Enter your email address"),
    ("email", "ada at example.com", "This email address can’t be right"),
    ("email", "ada@example", "This email address can’t be right"),
    ("email", "a" * 250 + "@example.com", "This email address can’t be right"),
    ("name", " ", "Enter the name"),
    ("name", "x" * 201, "This name is too long"),
    ("line1", "", "Enter the street"),
    ("line2", "x" * 201, "This line is too long"),
    ("postal_code", "", "Enter the postal code"),
    ("city", "", "Enter the city"),
    ("country", "", "Choose the country"),
    ("country", "AQ", "We don’t deliver to this country"),
    ("country", "Germany", "We don’t deliver to this country"),
    ("shipping_method", "", "Choose how we should send it"),
    ("shipping_method", "balloon", "This way of shipping doesn’t carry this cart"),
]


@pytest.mark.usefixtures("filled_cart")
async def test_a_wrong_field_is_named_and_everything_typed_is_kept(shopper: httpx.AsyncClient) -> None:
    right = await shown(shopper)
    for field, typed, message in WRONG:
        form = right | {field: typed}
        answer = await shopper.post("/checkout", data=form)
        assert answer.status_code == 422, (field, typed)
        page = Page(answer.text)
        assert message in words(answer)
        assert ("aria-describedby", f"{field}-error") in page.attributes
        assert ("href", f"#{field}") in page.attributes
        for name in ("email", "name", "line1", "line2", "postal_code", "city", "key"):
            assert ("value", form.get(name, "")) in page.attributes, name


@pytest.mark.usefixtures("filled_cart")
async def test_everything_that_is_wrong_is_said_at_once(shopper: httpx.AsyncClient) -> None:
    answer = await shopper.post("/checkout", data={"action": "order", "email": "ada at home"})
    said = re.findall(r'<p class="field-error" id="(\w+)-error">', answer.text)
    assert said == ["email", "country", "name", "line1", "postal_code", "city", "shipping_method"]


@pytest.mark.usefixtures("filled_cart")
async def test_markup_in_a_name_or_address_is_only_text(shopper: httpx.AsyncClient) -> None:
    for text in TEXTS:
        hostile = dict.fromkeys(("name", "line1", "line2", "city", "region"), text)
        page = Page((await shopper.post("/checkout", data={**hostile, "email": text})).text)
        assert page.is_harmless
        assert page.attributes.count(("value", text)) == 6
        path = await order(shopper, **hostile)
        page = Page((await shopper.get(path)).text)
        assert page.is_harmless
        assert text in page.texts
        await shopper.post(f"{path}/cancel", data={"to": "cart"})


@pytest.mark.usefixtures("filled_cart")
async def test_what_was_typed_is_there_when_one_comes_back_from_the_cart(
    shopper: httpx.AsyncClient,
) -> None:
    await shown(shopper, shipping_method="standard", line2="Back yard")
    page = Page((await shopper.get("/checkout")).text)
    assert {("value", text) for text in (*FILLED.values(), "Back yard")} <= set(page.attributes)
    assert ("value", "standard") in page.attributes


async def test_articles_that_ran_out_are_named_with_the_way_to_the_cart(
    shopper: httpx.AsyncClient, mug: str, add_product: AddProduct, add_stock: AddStock
) -> None:
    await add_product("plate")
    await add_stock("SKU-plate", 1)
    await add(shopper, mug)
    await add(shopper, "SKU-plate")
    form = await shown(shopper)
    await add_stock("SKU-plate", -1)
    page = await shopper.post("/checkout", data=form)
    assert page.status_code == 409
    assert "There is not enough left of “Plate”. Nothing was ordered." in words(page)
    assert '<a href="/cart">Change it in your cart</a>' in page.text


@pytest.mark.usefixtures("filled_cart")
async def test_a_code_that_ended_is_taken_off_and_the_new_total_shown(
    shopper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await owner.execute("INSERT INTO checkout.discounts (code, percent_basis_points) VALUES ('TEN', 1000)")
    await shopper.post("/cart/discount", data={"code": "TEN"})
    form = await shown(shopper)
    assert form["expected_total"] == "3190"
    await owner.execute("UPDATE checkout.discounts SET ends_at = now()")
    form["expected_total"] = "3490"  # as if it had ended after the form was made
    page = await shopper.post("/checkout", data=form)
    assert page.status_code == 409
    assert "The code TEN holds no more." in words(page)
    assert (await shopper.post("/checkout", data=form)).status_code == 303


async def test_without_a_cart_the_checkout_leads_to_the_cart(shopper: httpx.AsyncClient) -> None:
    for answer in (await shopper.get("/checkout"), await shopper.post("/checkout", data=FILLED)):
        assert (answer.status_code, answer.headers["location"]) == (303, "/cart")


@pytest.mark.usefixtures("filled_cart")
async def test_an_ordered_cart_leads_to_its_order(shopper: httpx.AsyncClient) -> None:
    form = await shown(shopper)
    path = await order(shopper)
    for answer in (await shopper.get("/checkout"), await shopper.post("/checkout", data=form)):
        assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.usefixtures("filled_cart")
@pytest.mark.parametrize("key", ["", "short", "x" * 200, '"><script>', "é" * 30])
async def test_a_key_that_is_not_ours_is_replaced(key: str, shopper: httpx.AsyncClient) -> None:
    assert (await shopper.post("/checkout", data=await shown(shopper) | {"key": key})).status_code == 303


@pytest.mark.usefixtures("filled_cart")
async def test_a_key_of_another_order_asks_for_one_more_click(
    shopper: httpx.AsyncClient, owner: asyncpg.Connection, mug: str
) -> None:
    form = await shown(shopper)
    path = await order(shopper, key=form["key"])
    await shopper.post(f"{path}/cancel", data={"to": "cart"})
    await shopper.post("/cart/quantity", data={"sku": mug, "quantity": "1"})
    page = await shopper.post("/checkout", data=await shown(shopper, key=form["key"]))
    assert page.status_code == 409
    assert hidden(page, "key") != form["key"]
    form = await shown(shopper, key=hidden(page, "key"))
    assert (await shopper.post("/checkout", data=form)).status_code == 303


@pytest.mark.usefixtures("filled_cart")
@pytest.mark.parametrize("ended", ["cancelled", "expired"])
async def test_an_old_form_whose_order_has_ended_asks_for_one_more_click(
    ended: str, shopper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    form = await shown(shopper)
    path = (await shopper.post("/checkout", data=form)).headers["location"]
    await owner.execute("SELECT checkout.end_unpaid_order(id, $1) FROM checkout.orders", ended)
    twins = await asyncio.gather(*(shopper.post("/checkout", data=form) for _ in range(3)))
    assert {page.status_code for page in twins} == {409}
    assert await owner.fetchval("SELECT count(*) FROM checkout.orders") == 1
    page = twins[0]
    assert "If you still want the articles, please order once more." in words(page)
    again = form | {name: hidden(page, name) for name in ("key", "expected_total")}
    assert again["key"] != form["key"]
    assert again["expected_total"] == form["expected_total"]
    clicks = await asyncio.gather(*(shopper.post("/checkout", data=again) for _ in range(3)))
    [anew] = {click.headers["location"] for click in clicks}
    assert anew != path
    assert await owner.fetchval("SELECT count(*) FROM checkout.orders") == 2
    assert (await shopper.post("/checkout", data=form)).headers["location"] == anew


@pytest.mark.usefixtures("filled_cart")
async def test_with_checkout_away_the_form_is_kept_to_be_sent_once_more(
    till: CatalogDoor, shopper: httpx.AsyncClient
) -> None:
    form = await shown(shopper)
    till.closed = {"/api/checkout/"}
    assert (await shopper.get("/checkout")).status_code == 503
    page = await shopper.post("/checkout", data=form)
    assert page.status_code == 503
    assert page.headers["retry-after"] == "2"
    kept = {name: hidden(page, name) for name in form}
    assert kept == form
    till.closed = set()
    assert (await shopper.post("/checkout", data=kept)).status_code == 303
