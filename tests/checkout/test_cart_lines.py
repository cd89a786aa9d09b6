"""The lines of a cart: set, changed, removed, by one and by many."""

import asyncio

import asyncpg
import httpx
import pytest

from tests.checkout.conftest import (
    CARTS,
    DETAILS,
    Shelf,
    get_cart,
    open_cart,
    problem_of,
    put_line,
    warnings_of,
    wrong_fields,
)
from tests.storefront.conftest import CatalogDoor

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


async def test_a_line_shows_what_catalog_sells(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product(
        "mug", title="Blue mug", price_minor=1500, stock=10, attributes='{"color": "blue"}'
    )
    await owner.execute("UPDATE catalog.products SET image_url = '/pictures/mug.svg', image_alt = 'A mug'")
    cart = await put_line(checkout, await open_cart(checkout), mug, 3)
    (line,) = cart["lines"]
    assert {key: line[key] for key in ("sku", "slug", "title", "quantity", "attributes")} == {
        "sku": mug,
        "slug": "mug",
        "title": "Blue mug",
        "quantity": 3,
        "attributes": {"color": "blue"},
    }
    assert line["image"] == {"url": "/pictures/mug.svg", "alt": "A mug"}
    assert line["price"] == {"amount": 1500, "currency": "EUR"}
    assert line["total"] == cart["totals"]["items"] == {"amount": 4500, "currency": "EUR"}


async def test_setting_a_line_again_replaces_its_quantity(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", stock=10)
    cart_id = await open_cart(checkout)
    for quantity in (2, 5, 5, 1):
        cart = await put_line(checkout, cart_id, mug, quantity)
        assert [line["quantity"] for line in cart["lines"]] == [quantity]
        assert cart == await get_cart(checkout, cart_id)


async def test_lines_keep_the_order_they_were_added_in(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    cart_id = await open_cart(checkout)
    wanted = [await shelf.product(slug, stock=9) for slug in ("plate", "bowl", "mug")]
    for sku in wanted:
        await put_line(checkout, cart_id, sku, 1)
    cart = await put_line(checkout, cart_id, wanted[0], 4)
    assert [line["sku"] for line in cart["lines"]] == wanted


async def test_nought_removes_a_line_without_asking_catalog(
    checkout: httpx.AsyncClient, shelf: Shelf, door: CatalogDoor
) -> None:
    mug, bowl = await shelf.product("mug", stock=9), await shelf.product("bowl", stock=9)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 1)
    await put_line(checkout, cart_id, bowl, 1)
    door.closed.add("/")
    for _ in range(2):  # the second time it is gone already, which is as good
        cart = await put_line(checkout, cart_id, mug, 0)
        assert [line["sku"] for line in cart["lines"]] == [bowl]
    assert (await put_line(checkout, cart_id, "never-heard-of", 0))["lines"] == cart["lines"]


async def test_an_unknown_article_is_not_found(checkout: httpx.AsyncClient) -> None:
    cart_id = await open_cart(checkout)
    for sku in ("SKU-nothing", "with%20blank", "a%00b", "%C3%BC", "x" * 65, "a,b", "%27--", "a%0A"):
        answer = await checkout.put(f"{CARTS}/{cart_id}/lines/{sku}", json={"quantity": 1})
        assert problem_of(answer) == (404, "not-found"), sku
    assert (await get_cart(checkout, cart_id))["lines"] == []


async def test_an_unpublished_article_is_not_found(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", stock=9)
    await shelf.stop_selling(mug)
    answer = await checkout.put(f"{CARTS}/{await open_cart(checkout)}/lines/{mug}", json={"quantity": 1})
    assert problem_of(answer) == (404, "not-found")


HOSTILE: dict[bytes, int] = {
    b'{"quantity": -1}': 422,
    b'{"quantity": 1000}': 422,
    b'{"quantity": 1.5}': 422,
    b'{"quantity": 99999999999999999999999999}': 422,
    b'{"quantity": "2"}': 422,
    b'{"quantity": true}': 422,
    b'{"quantity": null}': 422,
    b'{"quantity": [1]}': 422,
    b'{"quantity": 1, "price": 1}': 422,
    b'{"quantity": 1, "\\u0000": 1}': 422,
    b"{}": 422,
    b"[]": 422,
    b"1": 422,
    b'{"quantity": 1e3000}': 400,
    b'{"quantity": NaN}': 400,
    b'{"quantity": 1': 400,
    b"": 400,
    b"\xff\xfe": 400,
    b"[" * 100_000: 400,
    b'{"quantity": 1, "note": "' + b"x" * 1_000_001 + b'"}': 413,
}


async def test_a_hostile_quantity_changes_nothing(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", stock=9)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 2)
    for body, status in HOSTILE.items():
        answer = await checkout.put(f"{CARTS}/{cart_id}/lines/{mug}", content=body, headers=JSON)
        assert problem_of(answer)[0] == status, (body[:60], answer.text)
    assert [line["quantity"] for line in (await get_cart(checkout, cart_id))["lines"]] == [2]


async def test_unknown_fields_and_parameters_are_named(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/lines/SKU"
    assert wrong_fields(await checkout.put(path, json={"quantity": 1, "price": 1})) == ["price"]
    assert wrong_fields(await checkout.put(f"{path}?dry=1", json={"quantity": 1})) == ["dry"]
    assert problem_of(await checkout.put(path, content=b"quantity=1"))[0] == 415


async def test_without_catalog_no_line_is_set(
    checkout: httpx.AsyncClient, shelf: Shelf, door: CatalogDoor
) -> None:
    mug = await shelf.product("mug", stock=9)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 2)
    door.closed.add("/internal")
    answer = await checkout.put(f"{CARTS}/{cart_id}/lines/{mug}", json={"quantity": 3})
    assert problem_of(answer) == (503, "upstream-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert [line["quantity"] for line in (await get_cart(checkout, cart_id))["lines"]] == [2]


async def test_a_cart_holds_a_hundred_articles_even_when_all_come_at_once(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    cart_id = await open_cart(checkout)
    mugs = [await shelf.product(f"mug-{number}", stock=9) for number in range(6)]
    await owner.execute(
        """
        INSERT INTO checkout.cart_lines (cart_id, sku, quantity, price_minor, slug, title, quoted_until)
        SELECT $1, 'X-' || n, 1, 100, 'x', 'X', now() + interval '1 hour' FROM generate_series(1, 97) n
        """,
        cart_id,
    )
    answers = await asyncio.gather(
        *(checkout.put(f"{CARTS}/{cart_id}/lines/{mug}", json={"quantity": 1}) for mug in mugs)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert problem_of(refused) == (409, "cart-full")
    assert "100" in refused.json()["detail"]
    inside = next(mug for mug, answer in zip(mugs, answers, strict=True) if answer.status_code == 200)
    assert len((await put_line(checkout, cart_id, inside, 5))["lines"]) == 100


async def test_lines_set_at_the_same_time_do_not_lose_each_other(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    cart_id = await open_cart(checkout)
    mugs = [await shelf.product(f"mug-{number}", stock=9) for number in range(12)]
    await asyncio.gather(*(put_line(checkout, cart_id, mug, 2) for mug in mugs))
    cart = await get_cart(checkout, cart_id)
    assert {line["sku"]: line["quantity"] for line in cart["lines"]} == dict.fromkeys(mugs, 2)
    assert cart["totals"]["items"]["amount"] == 12 * 2 * 1000


async def test_changes_of_every_kind_at_the_same_time_never_block_each_other(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug, bowl, code = (
        await shelf.product("mug", stock=9),
        await shelf.product("bowl", stock=9),
        await shelf.discount(),
    )
    path = f"{CARTS}/{await open_cart(checkout)}"
    changes = [
        ("PUT", f"/lines/{mug}", {"quantity": 2}),
        ("PUT", f"/lines/{bowl}", {"quantity": 3}),
        ("PUT", "/details", DETAILS),
        ("PUT", "/discount", {"code": code}),
        ("GET", "", None),
    ] * 4
    answers = await asyncio.gather(
        *(checkout.request(method, path + rest, json=body) for method, rest, body in changes)
    )
    assert [answer.status_code for answer in answers] == [200] * len(changes)
    cart = (await checkout.get(path)).json()
    assert {line["sku"]: line["quantity"] for line in cart["lines"]} == {mug: 2, bowl: 3}
    assert (cart["email"], cart["discounts"][0]["code"]) == (DETAILS["email"], code)


async def test_more_than_is_left_is_accepted_with_a_warning(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", title="Blue mug", stock=3)
    cart_id = await open_cart(checkout)
    cart = await put_line(checkout, cart_id, mug, 4)
    assert warnings_of(cart) == [("out_of_stock", mug)]
    assert "3" in cart["warnings"][0]["message"]
    assert "Blue mug" in cart["warnings"][0]["message"]
    assert cart["totals"]["items"]["amount"] == 4000
    assert warnings_of(await put_line(checkout, cart_id, mug, 3)) == []


async def test_availability_is_what_nobody_else_has_reserved(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product("mug", stock=10)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, mug, 1)
    seen = []
    for reserved in (0, 4, 5, 9, 10):
        await owner.execute("UPDATE checkout.stock_levels SET reserved = $1", reserved)
        cart = await get_cart(checkout, cart_id)
        seen.append((cart["lines"][0]["availability"], len(cart["warnings"])))
    assert seen == [("in_stock", 0), ("in_stock", 0), ("low", 0), ("low", 0), ("sold_out", 1)]


async def test_an_article_that_never_had_stock_is_sold_out(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    cart = await put_line(checkout, await open_cart(checkout), await shelf.product("mug"), 1)
    assert cart["lines"][0]["availability"] == "sold_out"
    assert [code for code, _ in warnings_of(cart)] == ["out_of_stock"]
