"""The discount code of a cart."""

import asyncpg
import httpx
import pytest

from tests.checkout.conftest import (
    CARTS,
    Shelf,
    get_cart,
    open_cart,
    put,
    put_line,
    ready_cart,
    warnings_of,
    wrong_fields,
)

pytestmark = pytest.mark.anyio


async def refusal(checkout: httpx.AsyncClient, cart_id: str, code: str) -> str:
    """The sentence with which a code is refused."""
    answer = await checkout.put(f"{CARTS}/{cart_id}/discount", json={"code": code})
    assert wrong_fields(answer) == ["code"]
    message: str = answer.json()["errors"][0]["message"]
    return message


async def test_a_code_is_taken_however_it_is_typed(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", price_minor=2000, stock=9)
    cart_id = await ready_cart(checkout, (mug, 1))
    await shelf.discount("SUMMER-10", 10)
    for typed in ("SUMMER-10", "summer-10", "  Summer-10\n"):
        cart = await put(checkout, f"{cart_id}/discount", {"code": typed})
        assert cart["discounts"] == [
            {"code": "SUMMER-10", "percent": 10.0, "amount": {"amount": 200, "currency": "EUR"}}
        ]


async def test_another_code_takes_the_place_of_the_first(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    cart_id = await ready_cart(checkout, (await shelf.product("mug", price_minor=2000, stock=9), 1))
    for code, percent in (("TEN", 10), ("HALF", 50)):
        await shelf.discount(code, percent)
        cart = await put(checkout, f"{cart_id}/discount", {"code": code})
    assert [discount["code"] for discount in cart["discounts"]] == ["HALF"]
    assert cart["totals"]["discount"]["amount"] == 1000


async def test_a_code_is_taken_off_again_however_often(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    cart_id = await ready_cart(checkout, (await shelf.product("mug", stock=9), 1))
    before = await get_cart(checkout, cart_id)
    await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount()})
    for _ in range(2):
        answer = await checkout.delete(f"{CARTS}/{cart_id}/discount")
        assert answer.status_code == 200
        assert answer.json()["totals"] == before["totals"]
        assert answer.json()["discounts"] == []


async def test_codes_that_do_not_hold_are_all_refused_alike(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    cart_id = await ready_cart(checkout, (await shelf.product("mug", stock=9), 1))
    await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount("GOOD")})
    for code in ("SOON", "OVER", "USED"):
        await shelf.discount(code, minimum_minor=10**9)  # not even the minimum is told of those
    await owner.execute(
        """
        UPDATE checkout.discounts SET
          starts_at = CASE code WHEN 'SOON' THEN now() + interval '1 hour' END,
          ends_at = CASE code WHEN 'OVER' THEN now() END,
          uses_max = CASE code WHEN 'USED' THEN 3 END, uses = CASE code WHEN 'USED' THEN 3 ELSE 0 END
        """
    )
    sentences = {
        (await refusal(checkout, cart_id, code)).replace(code, "")
        for code in ("SOON", "OVER", "USED", "NEVER-WAS", "NO SUCH; CODE")
    }
    assert len(sentences) == 1
    cart = await get_cart(checkout, cart_id)
    assert [discount["code"] for discount in cart["discounts"]] == ["GOOD"]  # the cart is as it was


async def test_a_code_below_its_minimum_says_what_it_needs(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug, code = (
        await shelf.product("mug", price_minor=1000, stock=9),
        await shelf.discount(minimum_minor=2000),
    )
    cart_id = await ready_cart(checkout, (mug, 1))
    assert "€20.00" in await refusal(checkout, cart_id, code)
    await put_line(checkout, cart_id, mug, 2)
    assert (await put(checkout, f"{cart_id}/discount", {"code": code}))["totals"]["discount"]["amount"] == 200


async def test_a_code_that_ends_takes_nothing_off_and_says_so(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    cart_id = await ready_cart(checkout, (await shelf.product("mug", price_minor=1000, stock=9), 1))
    await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount()})
    for ending in (
        "UPDATE checkout.discounts SET ends_at = now()",
        "UPDATE checkout.discounts SET ends_at = NULL, uses_max = 1, uses = 1",
        "DELETE FROM checkout.discounts",
    ):
        await owner.execute(ending)
        cart = await get_cart(checkout, cart_id)
        assert warnings_of(cart) == [("discount_ended", None)], ending
        assert cart["totals"]["total"]["amount"] == 1000 + 490
        assert cart["discounts"][0]["amount"]["amount"] == 0
        refused = await checkout.post(f"{CARTS}/{cart_id}/order", headers={"Idempotency-Key": "1"})
        assert refused.json()["type"] == "/problems/discount-ended"
    assert (await checkout.delete(f"{CARTS}/{cart_id}/discount")).json()["warnings"] == []


async def test_a_cart_that_falls_below_the_minimum_says_so_and_recovers(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart_id = await ready_cart(checkout, (mug, 2))
    await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount(minimum_minor=2000)})
    cart = await put_line(checkout, cart_id, mug, 1)
    assert (warnings_of(cart), cart["totals"]["discount"]["amount"]) == ([("discount_ended", None)], 0)
    assert "€20.00" in cart["warnings"][0]["message"]
    cart = await put_line(checkout, cart_id, mug, 2)
    assert (warnings_of(cart), cart["totals"]["discount"]["amount"]) == ([], 200)


async def test_a_hostile_code_is_refused(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/discount"
    bodies: list[object] = [
        {"code": ""},
        {"code": "x" * 41},
        {"code": 1},
        {"code": None},
        {},
        [],
        {"code": "\x00"},
    ]
    for body in bodies:
        assert (await checkout.put(path, json=body)).status_code == 422, body
    for typed in ("   ", "ß" * 40, "'; --", "\u202e", "%"):
        assert wrong_fields(await checkout.put(path, json={"code": typed})) == ["code"], typed
