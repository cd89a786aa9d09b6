"""A cart: opened, read, over."""

import asyncio

import asyncpg
import httpx
import msgspec
import pytest

from services.checkout.shapes import Cart
from tests.checkout.conftest import (
    CARTS,
    DETAILS,
    Shelf,
    get_cart,
    open_cart,
    order,
    problem_of,
    put_line,
    ready_cart,
    someone_waits,
    wrong_fields,
)
from tests.checkout.order_rows import insert_order
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


async def test_a_new_cart_is_empty_and_costs_nothing(checkout: httpx.AsyncClient) -> None:
    response = await checkout.post(CARTS)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    cart = msgspec.json.decode(response.content, type=Cart)
    assert (cart.lines, cart.discounts, cart.warnings) == ([], [], [])
    assert (cart.email, cart.shipping_address, cart.shipping, cart.tax, cart.order_token) == (None,) * 5
    assert cart.totals.total.amount == 0
    assert (cart.currency, cart.totals.total.currency) == ("EUR", "EUR")


async def test_a_cart_is_read_as_it_was_opened(checkout: httpx.AsyncClient) -> None:
    opened = await checkout.post(CARTS)
    read = await checkout.get(f"{CARTS}/{opened.json()['id']}")
    assert (read.status_code, read.headers["cache-control"]) == (200, "no-store")
    assert read.json() == opened.json()


async def test_ids_are_long_and_never_the_same(checkout: httpx.AsyncClient) -> None:
    ids = {await open_cart(checkout) for _ in range(20)}
    assert len(ids) == 20
    assert min(map(len, ids)) >= 32


async def test_a_cart_is_opened_with_an_empty_body_or_an_empty_object(checkout: httpx.AsyncClient) -> None:
    assert (await checkout.post(CARTS)).status_code == 201
    assert (await checkout.post(CARTS, json={})).status_code == 201


async def test_a_cart_takes_no_wishes(checkout: httpx.AsyncClient) -> None:
    assert wrong_fields(await checkout.post(CARTS, json={"id": "mine"})) == ["id"]
    for body, status in ((b"[]", 422), (b"{", 400), (b"\xff", 400)):
        answer = await checkout.post(CARTS, content=body, headers={"Content-Type": "application/json"})
        assert problem_of(answer)[0] == status, body


async def test_one_key_opens_one_cart_however_many_ask_at_once(
    checkout: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    answers = await asyncio.gather(*(checkout.post(CARTS, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM checkout.carts") == 1


async def test_another_key_opens_another_cart(checkout: httpx.AsyncClient) -> None:
    one = await checkout.post(CARTS, headers={"Idempotency-Key": "one"})
    other = await checkout.post(CARTS, headers={"Idempotency-Key": "other"})
    assert one.json()["id"] != other.json()["id"]


async def test_a_key_does_not_open_somebody_elses_cart(checkout: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "1"}
    hers = await checkout.post(CARTS, headers={**key, "X-Forwarded-For": "192.0.2.1"})
    his = await checkout.post(CARTS, headers={**key, "X-Forwarded-For": "192.0.2.2"})
    assert problem_of(his) == (422, "idempotency-key-reused")
    lying = await checkout.post(CARTS, headers={**key, "X-Forwarded-For": "192.0.2.1, 192.0.2.2"})
    assert problem_of(lying) == (422, "idempotency-key-reused"), (
        "the last address is the one we were called from"
    )
    by_storefront = {"X-Forwarded-For": "192.0.2.1, 10.0.0.7", "X-Entry": "internal"}
    again = await checkout.post(CARTS, headers={**key, **by_storefront})
    assert again.json()["id"] == hers.json()["id"]


async def test_a_malformed_key_is_refused(checkout: httpx.AsyncClient) -> None:
    for key in (b"", b" ", b"with blank", b"x" * 256, "schlüssel".encode()):
        answer = await checkout.post(CARTS, headers=[(b"Idempotency-Key", key)])
        assert problem_of(answer) == (400, "malformed-request"), key


async def test_an_unknown_cart_is_not_found(checkout: httpx.AsyncClient) -> None:
    for cart_id in ("nothing", "a%00b", "%20", "%F0%9F%9B%92", "x" * 5000):
        assert problem_of(await checkout.get(f"{CARTS}/{cart_id}")) == (404, "not-found"), cart_id
        gone = await checkout.delete(f"{CARTS}/{cart_id}/discount")
        assert problem_of(gone) == (404, "not-found"), cart_id


async def test_an_expired_cart_is_not_found_by_any_call(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product("mug", stock=5)
    cart_id = await ready_cart(checkout, (mug, 1))
    await owner.execute("UPDATE checkout.carts SET expires_at = now()")
    path = f"{CARTS}/{cart_id}"
    answers = [
        await checkout.get(path),
        await checkout.get(f"{path}/shipping-methods"),
        await checkout.put(f"{path}/lines/{mug}", json={"quantity": 2}),
        await checkout.put(f"{path}/lines/{mug}", json={"quantity": 0}),
        await checkout.put(f"{path}/details", json=DETAILS),
        await checkout.put(f"{path}/discount", json={"code": "TEN"}),
        await checkout.delete(f"{path}/discount"),
    ]
    assert [problem_of(answer) for answer in answers] == [(404, "not-found")] * 7


async def test_every_change_lets_the_cart_live_longer_and_reading_does_not(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug, code = await shelf.product("mug", stock=5), await shelf.discount()
    cart_id = await ready_cart(checkout, (mug, 1))
    path = f"{CARTS}/{cart_id}"
    for method, rest, body in [
        ("PUT", f"/lines/{mug}", {"quantity": 2}),
        ("PUT", "/discount", {"code": code}),
        ("DELETE", "/discount", None),
        ("PUT", "/details", DETAILS),
        ("PUT", f"/lines/{mug}", {"quantity": 0}),
    ]:
        await owner.execute("UPDATE checkout.carts SET expires_at = now() + interval '1 hour'")
        short = (await get_cart(checkout, cart_id))["expires_at"]
        assert (await get_cart(checkout, cart_id))["expires_at"] == short
        changed = (await checkout.request(method, path + rest, json=body)).json()
        assert changed["expires_at"] > short, (method, rest)


async def test_an_ordered_cart_stays_as_it_was_and_names_its_order(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug, code = await shelf.product("mug", price_minor=1500, stock=2), await shelf.discount()
    cart_id = await ready_cart(checkout, (mug, 2))
    before = (await checkout.put(f"{CARTS}/{cart_id}/discount", json={"code": code})).json()
    placed = await order(checkout, cart_id)
    # Whatever happens to terms and prices now:
    await shelf.price(mug, 9900)
    await shelf.end_quotes(cart_id)
    await owner.execute("UPDATE checkout.discounts SET ends_at = now()")
    await owner.execute("UPDATE checkout.tax_rates SET rate_basis_points = 500")
    await owner.execute("DELETE FROM checkout.shipping_methods")
    await owner.execute("UPDATE checkout.carts SET expires_at = now()")
    after = await get_cart(checkout, cart_id)
    assert after["order_token"] == placed["token"]
    assert after["totals"] == before["totals"]
    assert (after["shipping"], after["tax"]) == (before["shipping"], before["tax"])
    assert [line["price"]["amount"] for line in after["lines"]] == [1500]
    assert after["warnings"] == []


async def test_an_ordered_cart_takes_no_change(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", stock=5)
    cart_id = await ready_cart(checkout, (mug, 1))
    placed = await order(checkout, cart_id)
    path = f"{CARTS}/{cart_id}"
    for answer in [
        await checkout.put(f"{path}/lines/{mug}", json={"quantity": 3}),
        await checkout.put(f"{path}/lines/{mug}", json={"quantity": 0}),
        await checkout.put(f"{path}/details", json=DETAILS),
        await checkout.put(f"{path}/discount", json={"code": "TEN"}),
        await checkout.delete(f"{path}/discount"),
    ]:
        assert problem_of(answer) == (409, "cart-already-ordered")
        assert answer.json()["token"] == placed["token"]
    assert [line["quantity"] for line in (await get_cart(checkout, cart_id))["lines"]] == [1]


async def test_a_change_that_waited_for_the_order_names_it(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product("mug", stock=5)
    cart_id = await ready_cart(checkout, (mug, 1))
    ordering = owner.transaction()
    await ordering.start()
    order_row = await insert_order(owner, {mug: 1})
    await owner.execute("UPDATE checkout.carts SET ordered_as = $1", order_row.id)
    change = asyncio.create_task(checkout.put(f"{CARTS}/{cart_id}/lines/{mug}", json={"quantity": 3}))
    await wait_until_async(lambda: someone_waits(owner), "the change waits for the order")
    await ordering.commit()
    answer = await change
    assert problem_of(answer) == (409, "cart-already-ordered")
    assert answer.json()["token"] == order_row.token


async def test_a_cart_changes_again_when_its_order_was_cancelled(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", stock=5)
    cart_id = await ready_cart(checkout, (mug, 1))
    placed = await order(checkout, cart_id)
    assert (await checkout.post(f"/api/checkout/orders/{placed['token']}/cancel")).status_code == 200
    cart = await put_line(checkout, cart_id, mug, 3)
    assert (cart["order_token"], cart["lines"][0]["quantity"]) == (None, 3)
