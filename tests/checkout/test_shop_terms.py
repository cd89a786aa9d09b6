"""The shopkeeper's terms: discount codes, ways to ship, tax rates."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.checkout.conftest import (
    ADMIN,
    CARTS,
    Shelf,
    get_cart,
    open_cart,
    problem_of,
    put,
    ready_cart,
    someone_waits,
    wrong_fields,
)
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio

TERMS = "/api/checkout/admin"
EUROS_20 = {"amount": 2000, "currency": "EUR"}


def rate(country: str = "DE", weight_max_grams: int = 1000, amount: int = 300) -> dict[str, Any]:
    price = {"amount": amount, "currency": "EUR"}
    return {"country": country, "weight_max_grams": weight_max_grams, "price": price}


@pytest.fixture
def keeper(checkout: httpx.AsyncClient) -> httpx.AsyncClient:
    """Checkout, with the shopkeeper's key."""
    checkout.headers.update(ADMIN)
    return checkout


async def test_terms_are_the_shopkeepers_alone(checkout: httpx.AsyncClient) -> None:
    for path in ("discounts", "shipping-methods", "tax-rates"):
        assert problem_of(await checkout.get(f"{TERMS}/{path}")) == (401, "unauthorized")
        for method in ("PUT", "DELETE"):
            answer = await checkout.request(method, f"{TERMS}/{path}/DE", json={})
            assert problem_of(answer) == (401, "unauthorized")


async def test_a_discount_code_is_set_changed_and_taken_away(keeper: httpx.AsyncClient) -> None:
    full = {
        "percent": 12.5,
        "minimum": EUROS_20,
        "starts_at": "2026-01-01T00:00:00+02:00",
        "ends_at": "2099-12-31T23:59:59Z",
        "uses_max": 3,
    }
    stored = await keeper.put(f"{TERMS}/discounts/summer-1", json=full)
    assert stored.status_code == 200
    assert stored.json() == {
        **full,
        "code": "SUMMER-1",
        "starts_at": "2025-12-31T22:00:00Z",
        "uses": 0,
    }
    assert (await keeper.get(f"{TERMS}/discounts")).json() == {"items": [stored.json()], "next_cursor": None}
    bare = (await keeper.put(f"{TERMS}/discounts/SUMMER-1", json={"percent": 5})).json()
    assert bare["percent"] == 5
    assert [bare[name] for name in ("minimum", "starts_at", "ends_at", "uses_max")] == [None] * 4
    gone = await keeper.delete(f"{TERMS}/discounts/Summer-1")
    assert (gone.status_code, gone.content) == (204, b"")
    assert problem_of(await keeper.delete(f"{TERMS}/discounts/SUMMER-1")) == (404, "not-found")
    assert (await keeper.get(f"{TERMS}/discounts")).json()["items"] == []


async def test_a_code_set_anew_keeps_count_of_its_uses(
    keeper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await keeper.put(f"{TERMS}/discounts/TEN", json={"percent": 10, "uses_max": 5})
    await owner.execute("UPDATE checkout.discounts SET uses = 4")
    again = await keeper.put(f"{TERMS}/discounts/TEN", json={"percent": 20, "uses_max": 6})
    assert (again.json()["uses"], again.json()["uses_max"]) == (4, 6)


async def test_discount_codes_are_listed_page_by_page(keeper: httpx.AsyncClient, shelf: Shelf) -> None:
    codes = [await shelf.discount(code) for code in ("A", "B-1", "B_2", "C", "D9")]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await keeper.get(f"{TERMS}/discounts", params=query)).json()
        assert len(page["items"]) <= 2
        seen += [item["code"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert sorted(seen) == codes
    assert len(seen) == 5


async def test_a_wrong_discount_is_refused(keeper: httpx.AsyncClient) -> None:
    for field, body in (
        ("percent", {}),
        ("percent", {"percent": 0}),
        ("percent", {"percent": -5}),
        ("percent", {"percent": 100.01}),
        ("percent", {"percent": 0.001}),
        ("percent", {"percent": 12.345}),
        ("percent", {"percent": "5"}),
        ("minimum.currency", {"percent": 5, "minimum": {"amount": 1, "currency": "USD"}}),
        ("minimum.amount", {"percent": 5, "minimum": {"amount": -1, "currency": "EUR"}}),
        ("minimum.amount", {"percent": 5, "minimum": {"amount": 10**30, "currency": "EUR"}}),
        ("minimum.amount", {"percent": 5, "minimum": {"amount": 1.5, "currency": "EUR"}}),
        ("minimum.tip", {"percent": 5, "minimum": {**EUROS_20, "tip": 1}}),
        ("uses_max", {"percent": 5, "uses_max": 0}),
        ("uses_max", {"percent": 5, "uses_max": 10**12}),
        ("starts_at", {"percent": 5, "starts_at": "tomorrow"}),
        ("starts_at", {"percent": 5, "starts_at": "2026-01-01T00:00:00"}),
        ("ends_at", {"percent": 5, "ends_at": "2026-13-01T00:00:00Z"}),
        ("ends_at", {"percent": 5, "starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"}),
        ("uses", {"percent": 5, "uses": 3}),
    ):
        answer = await keeper.put(f"{TERMS}/discounts/TEN", json=body)
        assert wrong_fields(answer) == [field], body
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        answer = await keeper.put(f"{TERMS}/discounts/TEN", json={"percent": 5, "ends_at": moment})
        assert wrong_fields(answer) == ["ends_at"], moment
    for code in ("with%20blank", "%C3%9C", "x" * 41, "a%0A%0Ab", "%25"):
        answer = await keeper.put(f"{TERMS}/discounts/{code}", json={"percent": 5})
        assert wrong_fields(answer) == ["code"], code
    assert (
        problem_of(await keeper.put(f"{TERMS}/discounts/TEN", content=b'{"percent": NaN}', headers=JSON))[0]
        == 400
    )
    assert (await keeper.get(f"{TERMS}/discounts")).json()["items"] == []


JSON = {"Content-Type": "application/json"}


async def test_an_order_uses_a_code_up_and_cancelling_gives_it_back(
    keeper: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", stock=9)
    await keeper.put(f"{TERMS}/discounts/ONCE", json={"percent": 10, "uses_max": 1})
    first, second = await ready_cart(keeper, (mug, 1)), await ready_cart(keeper, (mug, 1))
    await put(keeper, f"{first}/discount", {"code": "once"})
    await put(keeper, f"{second}/discount", {"code": "once"})
    placed = await keeper.post(f"{CARTS}/{first}/order", headers={"Idempotency-Key": "first"})
    assert placed.status_code == 201
    assert (await keeper.get(f"{TERMS}/discounts")).json()["items"][0]["uses"] == 1
    assert [w["code"] for w in (await get_cart(keeper, second))["warnings"]] == ["discount_ended"]
    assert (await get_cart(keeper, first))["totals"]["total"] == placed.json()["total"]
    await keeper.post(f"/api/checkout/orders/{placed.json()['token']}/cancel")
    assert (await get_cart(keeper, second))["warnings"] == []


async def test_a_new_shop_delivers_to_europe_in_two_ways(keeper: httpx.AsyncClient) -> None:
    methods = (await keeper.get(f"{TERMS}/shipping-methods")).json()["items"]
    rates = (await keeper.get(f"{TERMS}/tax-rates")).json()["items"]
    assert [method["code"] for method in methods] == ["standard", "express"]
    assert {"country": "DE", "percent": 19.0} in rates
    assert {"country": "FI", "percent": 25.5} in rates
    for method in methods:
        assert {r["country"] for r in method["rates"]} == {r["country"] for r in rates}


async def test_a_way_to_ship_is_set_as_a_whole(keeper: httpx.AsyncClient) -> None:
    path = f"{TERMS}/shipping-methods/drone"
    first = {"name": "  Drone ", "position": 7, "rates": [rate("AT"), rate("DE"), rate("DE", 5000, 900)]}
    answer = await keeper.put(path, json=first)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**first, "code": "drone", "name": "Drone"}
    second = {"name": "Drone", "position": 0, "rates": [rate("DE", 1000, 350), rate("FR")]}
    assert (await keeper.put(path, json=second)).json() == {**second, "code": "drone"}
    listed = (await keeper.get(f"{TERMS}/shipping-methods")).json()["items"]
    assert [method["code"] for method in listed] == ["drone", "standard", "express"]
    empty = {"name": "Drone", "rates": []}
    assert (await keeper.put(path, json=empty)).json() == {**empty, "code": "drone", "position": 0}
    assert (await keeper.delete(path)).status_code == 204
    assert problem_of(await keeper.delete(path)) == (404, "not-found")


async def test_a_shopper_is_offered_what_the_shopkeeper_set(keeper: httpx.AsyncClient) -> None:
    cart_id = await open_cart(keeper)
    await keeper.put(f"{TERMS}/shipping-methods/drone", json={"name": "Drone", "rates": [rate(amount=123)]})
    await keeper.put(f"{TERMS}/tax-rates/US", json={"percent": 0})
    await keeper.put(f"{TERMS}/shipping-methods/sea", json={"name": "Ship", "rates": [rate("US")]})
    offered = {}
    for country in ("DE", "US"):
        answer = await keeper.get(f"{CARTS}/{cart_id}/shipping-methods", params={"country": country})
        offered[country] = [(m["code"], m["price"]["amount"]) for m in answer.json()["items"]]
    assert offered == {"DE": [("drone", 123), ("standard", 490), ("express", 1290)], "US": [("sea", 300)]}


async def test_a_wrong_way_to_ship_is_refused_and_changes_nothing(keeper: httpx.AsyncClient) -> None:
    before = (await keeper.get(f"{TERMS}/shipping-methods")).json()
    dollars = {**rate(), "price": {"amount": 1, "currency": "USD"}}
    for field, body in (
        ("name", {"rates": []}),
        ("name", {"name": " ", "rates": []}),
        ("name", {"name": "x" * 201, "rates": []}),
        ("rates", {"name": "S"}),
        ("position", {"name": "S", "rates": [], "position": -1}),
        ("rates[1].country", {"name": "S", "rates": [rate(), rate("US")]}),
        ("rates[0].country", {"name": "S", "rates": [rate("de")]}),
        ("rates[0].weight_max_grams", {"name": "S", "rates": [rate(weight_max_grams=0)]}),
        ("rates[0].weight_max_grams", {"name": "S", "rates": [rate(weight_max_grams=2**31)]}),
        ("rates[0].price.amount", {"name": "S", "rates": [rate(amount=-1)]}),
        ("rates[0].price.amount", {"name": "S", "rates": [rate(amount=2**63)]}),
        ("rates[0].price.currency", {"name": "S", "rates": [dollars]}),
        ("rates[2]", {"name": "S", "rates": [rate(), rate("AT"), rate(amount=9)]}),
    ):
        answer = await keeper.put(f"{TERMS}/shipping-methods/standard", json=body)
        assert wrong_fields(answer) == [field], body
    for code in ("Upper", "-x", "a--b", "a%20b", "x" * 61):
        answer = await keeper.put(f"{TERMS}/shipping-methods/{code}", json={"name": "S", "rates": []})
        assert wrong_fields(answer) == ["code"], code
    assert (await keeper.get(f"{TERMS}/shipping-methods")).json() == before


async def test_a_tax_rate_is_set_changed_and_taken_away_with_its_shipping(keeper: httpx.AsyncClient) -> None:
    path = f"{TERMS}/tax-rates/NO"
    assert (await keeper.put(path, json={"percent": 25})).json() == {"country": "NO", "percent": 25.0}
    assert (await keeper.put(path, json={"percent": 12.05})).json() == {"country": "NO", "percent": 12.05}
    assert {"country": "NO", "percent": 12.05} in (await keeper.get(f"{TERMS}/tax-rates")).json()["items"]
    await keeper.put(f"{TERMS}/shipping-methods/fjord", json={"name": "Fjord", "rates": [rate("NO"), rate()]})
    assert (await keeper.delete(path)).status_code == 204
    assert problem_of(await keeper.delete(path)) == (404, "not-found")
    methods = (await keeper.get(f"{TERMS}/shipping-methods")).json()["items"]
    assert next(m["rates"] for m in methods if m["code"] == "fjord") == [rate()]


async def test_a_wrong_tax_rate_is_refused(keeper: httpx.AsyncClient) -> None:
    for body in (
        {},
        {"percent": -1},
        {"percent": 100},
        {"percent": 99.999},
        {"percent": "x"},
        {"percent": None},
    ):
        assert wrong_fields(await keeper.put(f"{TERMS}/tax-rates/NO", json=body)) == ["percent"], body
    for country in ("no", "NOR", "N", "%C3%9CB"):
        answer = await keeper.put(f"{TERMS}/tax-rates/{country}", json={"percent": 1})
        assert wrong_fields(answer) == ["country"], country


async def test_rates_for_a_country_that_is_just_being_taken_away_are_refused(
    keeper: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    deletion = owner.transaction()
    await deletion.start()
    await owner.execute("DELETE FROM checkout.tax_rates WHERE country = 'AT'")
    body = {"name": "Standard", "rates": [rate("DE"), rate("AT")]}
    setting = asyncio.create_task(keeper.put(f"{TERMS}/shipping-methods/standard", json=body))
    await wait_until_async(lambda: someone_waits(owner), "the rates wait for the country")
    await deletion.commit()
    assert wrong_fields(await setting) == ["rates[1].country"]


async def test_terms_changed_all_at_once_never_block_each_other(
    keeper: httpx.AsyncClient, shelf: Shelf
) -> None:
    mug = await shelf.product("mug", stock=99)
    cart_id = await ready_cart(keeper, (mug, 1))
    rates = {"name": "Standard", "rates": [rate("DE", 10**6), rate("AT")]}
    calls: list[tuple[str, str, Any]] = [
        ("PUT", f"{TERMS}/shipping-methods/standard", rates),
        ("DELETE", f"{TERMS}/tax-rates/AT", None),
        ("PUT", f"{TERMS}/tax-rates/AT", {"percent": 20}),
        ("PUT", f"{TERMS}/discounts/TEN", {"percent": 10}),
        ("DELETE", f"{TERMS}/discounts/TEN", None),
        ("PUT", f"{CARTS}/{cart_id}/discount", {"code": "TEN"}),
        ("PUT", f"{CARTS}/{cart_id}/lines/{mug}", {"quantity": 2}),
        ("GET", f"{CARTS}/{cart_id}", None),
    ]
    answers = await asyncio.gather(
        *(keeper.request(method, path, json=body) for method, path, body in calls * 4)
    )
    # Nobody fails; some come too late for what another took away.
    assert {answer.status_code for answer in answers} <= {200, 204, 404, 422}
    assert (await keeper.put(f"{TERMS}/tax-rates/AT", json={"percent": 20})).status_code == 200
    assert (await keeper.put(f"{TERMS}/shipping-methods/standard", json=rates)).status_code == 200


async def test_shoppers_see_where_the_shop_delivers_to(keeper: httpx.AsyncClient) -> None:
    async def countries() -> list[str]:
        found: list[str] = (await keeper.get("/api/checkout/countries")).json()["items"]
        return found

    assert "DE" in await countries()
    assert (await keeper.put(f"{TERMS}/tax-rates/JP", json={"percent": 10})).status_code == 200
    assert "JP" not in await countries()  # no way to ship there yet
    express = {"name": "Express", "position": 1, "rates": [rate("JP")]}
    assert (await keeper.put(f"{TERMS}/shipping-methods/express", json=express)).status_code == 200
    assert "JP" in await countries()
