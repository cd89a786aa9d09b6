"""Prices in carts: kept for a while, then asked for anew."""

import asyncio

import asyncpg
import httpx
import pytest

from services.checkout.app import service
from services.process import listen
from tests.checkout.conftest import (
    CARTS,
    Shelf,
    get_cart,
    open_cart,
    put_line,
    ready_cart,
    warnings_of,
)
from tests.conftest import in_process
from tests.storefront.conftest import CatalogDoor

pytestmark = pytest.mark.anyio


async def test_a_price_holds_while_its_quote_does(
    checkout: httpx.AsyncClient, shelf: Shelf, door: CatalogDoor
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await open_cart(checkout)
    before = await put_line(checkout, cart_id, mug, 2)
    await shelf.price(mug, 1200)
    door.asked.clear()
    assert await get_cart(checkout, cart_id) == before
    assert door.asked == []


async def test_a_price_that_changed_is_told_while_its_quote_holds(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await open_cart(checkout)
    old = await put_line(checkout, cart_id, mug, 2)
    await shelf.price(mug, 1200)
    await shelf.end_quotes(cart_id)
    for _ in range(2):
        cart = await get_cart(checkout, cart_id)
        assert warnings_of(cart) == [("price_changed", mug)]
        assert cart["warnings"][0]["was"] == {"amount": 1000, "currency": "EUR"}
        assert "€12.00" in cart["warnings"][0]["message"]
        assert "€10.00" in cart["warnings"][0]["message"]
        assert cart["lines"][0]["price"]["amount"] == 1200
        assert cart["totals"]["total"]["amount"] == 2400
    assert cart["lines"][0]["price_until"] > old["lines"][0]["price_until"]
    await shelf.end_quotes(cart_id)
    assert warnings_of(await get_cart(checkout, cart_id)) == []


async def test_setting_the_line_tells_a_change_once(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 1)
    await shelf.price(mug, 800)
    cart = await put_line(checkout, cart_id, mug, 2)
    assert warnings_of(cart) == [("price_changed", mug)]
    assert cart["totals"]["items"]["amount"] == 1600
    assert warnings_of(await put_line(checkout, cart_id, mug, 3)) == []


async def test_all_prices_that_ran_out_are_asked_for_in_one_call(
    checkout: httpx.AsyncClient, shelf: Shelf, door: CatalogDoor, owner: asyncpg.Connection
) -> None:
    mugs = [await shelf.product(f"mug-{number}", stock=9) for number in range(4)]
    cart_id = await ready_cart(checkout, *((mug, 1) for mug in mugs))
    await shelf.end_quotes(cart_id)
    await owner.execute(
        "UPDATE checkout.cart_lines SET quoted_until = now() + interval '1 hour' WHERE sku = $1", mugs[0]
    )
    door.asked.clear()
    await get_cart(checkout, cart_id)
    await get_cart(checkout, cart_id)
    (asked,) = door.asked
    assert asked.count("sku=") == 3
    assert mugs[0] not in asked


async def test_catalogs_new_words_and_weights_are_taken_over(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product("mug", stock=9, weight_grams=500)
    cart_id = await ready_cart(checkout, (mug, 1))
    await owner.execute("UPDATE catalog.products SET title = 'Big mug', slug = 'big-mug'")
    await owner.execute('UPDATE catalog.variants SET weight_grams = 5000, attributes = \'{"size": "L"}\'')
    await shelf.end_quotes(cart_id)
    cart = await get_cart(checkout, cart_id)
    line = cart["lines"][0]
    assert (line["title"], line["slug"], line["attributes"]) == ("Big mug", "big-mug", {"size": "L"})
    assert cart["shipping"]["price"]["amount"] == 790
    assert cart["warnings"] == []


async def test_what_is_no_longer_sold_does_not_count_until_it_is_again(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9, weight_grams=5000)
    bowl = await shelf.product("bowl", price_minor=300, stock=9)
    cart_id = await ready_cart(checkout, (mug, 2), (bowl, 1))
    await shelf.stop_selling(mug)
    await shelf.end_quotes(cart_id)
    cart = await get_cart(checkout, cart_id)
    assert warnings_of(cart) == [("not_sold", mug)]
    assert [line["availability"] for line in cart["lines"]] == ["sold_out", "in_stock"]
    assert cart["totals"]["items"]["amount"] == 300
    assert cart["shipping"]["price"]["amount"] == 490  # of the bowl alone
    refused = await checkout.post(f"{CARTS}/{cart_id}/order", headers={"Idempotency-Key": "1"})
    assert (refused.status_code, refused.json()["skus"]) == (409, [mug])
    await shelf.owner.execute("UPDATE catalog.products SET published_at = now()")
    await shelf.end_quotes(cart_id)
    cart = await get_cart(checkout, cart_id)
    assert (warnings_of(cart), cart["totals"]["items"]["amount"]) == ([], 2300)


async def test_a_line_that_is_no_longer_sold_can_be_removed(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", stock=9)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 2)
    await shelf.stop_selling(mug)
    await shelf.end_quotes(cart_id)
    assert warnings_of(await get_cart(checkout, cart_id)) == [("not_sold", mug)]
    cart = await put_line(checkout, cart_id, mug, 0)
    assert (cart["lines"], cart["warnings"]) == ([], [])


async def test_without_catalog_a_cart_is_shown_with_its_old_prices(
    checkout: httpx.AsyncClient, shelf: Shelf, door: CatalogDoor
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await ready_cart(checkout, (mug, 2))
    await shelf.price(mug, 1200)
    await shelf.end_quotes(cart_id)
    door.closed.add("/internal")
    cart = await get_cart(checkout, cart_id)
    assert (cart["lines"][0]["price"]["amount"], cart["warnings"]) == (1000, [])
    refused = await checkout.post(f"{CARTS}/{cart_id}/order", headers={"Idempotency-Key": "1"})
    assert refused.json()["type"] == "/problems/prices-expired"
    door.closed.clear()
    assert (await get_cart(checkout, cart_id))["lines"][0]["price"]["amount"] == 1200


async def test_a_cart_does_not_wait_for_a_catalog_that_hangs(
    shelf: Shelf, door: CatalogDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    monkeypatch.setattr("services.checkout.carts.carts._REFRESH_SECONDS", 0.8)
    monkeypatch.setenv("INTERNAL_URL", door.url)
    async with in_process(service) as checkout:
        cart_id = await ready_cart(checkout, (mug, 2))
    await shelf.end_quotes(cart_id)
    silent = listen("127.0.0.1", 0)  # the kernel takes the call, nobody answers
    monkeypatch.setenv("INTERNAL_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
    monkeypatch.setenv("INTERNAL_TIMEOUT_SECONDS", "60")
    async with in_process(service) as checkout, asyncio.timeout(20):
        cart = await get_cart(checkout, cart_id)
    silent.close()
    assert (cart["lines"][0]["price"]["amount"], cart["warnings"]) == (1000, [])


async def test_many_who_read_at_once_see_the_same_new_price(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await ready_cart(checkout, (mug, 2))
    await shelf.price(mug, 1200)
    await shelf.end_quotes(cart_id)
    carts = await asyncio.gather(*(get_cart(checkout, cart_id) for _ in range(6)))
    assert {cart["lines"][0]["price"]["amount"] for cart in carts} == {1200}
    assert {tuple(warnings_of(cart)) for cart in carts} == {(("price_changed", mug),)}
