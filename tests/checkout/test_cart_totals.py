"""What a cart costs: goods, discount, shipping, and the tax within."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import asyncpg
import httpx
import pytest

from tests.checkout.conftest import DETAILS, Shelf, get_cart, open_cart, put, put_line, ready_cart

pytestmark = pytest.mark.anyio


def amounts(cart: dict[str, Any]) -> dict[str, int | None]:
    """The totals in minor units."""
    return {name: money and money["amount"] for name, money in cart["totals"].items()}


def tax_within(total_minor: int, percent: str) -> int:
    """The rule, computed another way than PostgreSQL does."""
    rate = Decimal(percent)
    return int((total_minor * rate / (100 + rate)).quantize(Decimal(1), ROUND_HALF_UP))


async def test_goods_less_discount_plus_shipping_is_the_total(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1999, stock=9)
    bowl = await shelf.product("bowl", price_minor=501, stock=9)
    cart_id = await ready_cart(checkout, (mug, 3), (bowl, 1))
    cart = await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount("TEN", 10)})
    assert amounts(cart) == {
        "items": 6498,
        "discount": 650,  # 649.8
        "shipping": 490,
        "total": 6338,
        "tax": 1012,  # 1011.949...
    }
    assert cart["tax"] == {"percent": 19.0, "amount": {"amount": 1012, "currency": "EUR"}}
    assert cart["discounts"] == [
        {"code": "TEN", "percent": 10.0, "amount": {"amount": 650, "currency": "EUR"}}
    ]


async def test_shipping_and_tax_are_unknown_until_it_is_known_where_to(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", price_minor=1000, stock=9)
    cart = await put_line(checkout, await open_cart(checkout), mug, 1)
    assert amounts(cart) == {"items": 1000, "discount": 0, "shipping": None, "tax": None, "total": 1000}
    assert (cart["shipping"], cart["tax"]) == (None, None)


@pytest.mark.parametrize("percent", [33, 50, 100])
async def test_a_discount_is_rounded_half_up_and_never_more_than_the_goods(
    checkout: httpx.AsyncClient, shelf: Shelf, percent: int
) -> None:
    odd = await shelf.product("odd", price_minor=1, stock=99, weight_grams=1)
    cart_id = await ready_cart(checkout, (odd, 1))
    await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount(percent=percent)})
    for quantity in (1, 2, 3, 5, 50):
        cart = await put_line(checkout, cart_id, odd, quantity)
        exact = Decimal(quantity * percent) / 100
        assert cart["totals"]["discount"]["amount"] == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        assert cart["totals"]["total"]["amount"] == quantity - cart["totals"]["discount"]["amount"] + 490


@pytest.mark.parametrize(("country", "percent"), [("DE", "19"), ("FI", "25.5"), ("CH", "8.1"), ("LU", "17")])
async def test_the_tax_within_is_rounded_half_up(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection, country: str, percent: str
) -> None:
    await owner.execute("UPDATE checkout.shipping_rates SET price_minor = 0")
    cent = await shelf.product("cent", price_minor=1, stock=999, weight_grams=1)
    cart_id = await ready_cart(checkout, (cent, 1))
    address = {**DETAILS["shipping_address"], "country": country}
    await put(checkout, f"{cart_id}/details", {**DETAILS, "shipping_address": address})
    for total_minor in (1, 2, 3, 4, 59, 119, 251, 999):
        cart = await put_line(checkout, cart_id, cent, total_minor)
        assert cart["totals"]["total"]["amount"] == total_minor
        assert cart["tax"]["amount"]["amount"] == tax_within(total_minor, percent), total_minor


async def test_a_country_without_tax_pays_none(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    await owner.execute("UPDATE checkout.tax_rates SET rate_basis_points = 0")
    cart = await get_cart(checkout, await ready_cart(checkout, (await shelf.product("mug", stock=9), 1)))
    assert cart["tax"] == {"percent": 0.0, "amount": {"amount": 0, "currency": "EUR"}}


@pytest.mark.parametrize(
    ("weight_grams", "price_minor"),
    [(0, 490), (1999, 490), (2000, 490), (2001, 790), (10_000, 790), (10_001, 1490), (31_501, 5900)],
)
async def test_shipping_costs_what_the_smallest_band_does_that_holds_the_weight(
    checkout: httpx.AsyncClient, shelf: Shelf, weight_grams: int, price_minor: int
) -> None:
    mug = await shelf.product("mug", stock=9, weight_grams=weight_grams)
    cart = await get_cart(checkout, await ready_cart(checkout, (mug, 1)))
    assert cart["shipping"]["price"]["amount"] == price_minor
    assert cart["shipping"] == {"code": "standard", "name": "Standard", "price": cart["totals"]["shipping"]}


async def test_the_weight_is_that_of_all_units(checkout: httpx.AsyncClient, shelf: Shelf) -> None:
    mug = await shelf.product("mug", stock=9, weight_grams=1000)
    cart_id = await ready_cart(checkout, (mug, 2))
    assert (await get_cart(checkout, cart_id))["shipping"]["price"]["amount"] == 490
    assert (await put_line(checkout, cart_id, mug, 3))["shipping"]["price"]["amount"] == 790


async def test_the_dearest_cart_there_can_be_is_still_summed_up(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    gold = await shelf.product("gold", price_minor=10**12, stock=999, weight_grams=1)
    cart_id = await ready_cart(checkout, (gold, 999))
    await owner.execute(
        """
        INSERT INTO checkout.cart_lines (cart_id, sku, quantity, price_minor, slug, title, quoted_until)
        SELECT $1, 'X-' || n, 999, 1000000000000, 'x', 'X', now() + interval '1 hour'
        FROM generate_series(1, 99) n
        """,
        cart_id,
    )
    cart = await put(checkout, f"{cart_id}/discount", {"code": await shelf.discount("ALL", 100)})
    assert cart["totals"]["items"]["amount"] == cart["totals"]["discount"]["amount"] == 999 * 100 * 10**12
    assert cart["totals"]["total"]["amount"] == cart["totals"]["shipping"]["amount"]
