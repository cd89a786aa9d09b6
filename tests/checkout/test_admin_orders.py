"""The shopkeeper's list of orders, and one of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from services.checkout.app import service
from services.checkout.orders import admin_orders
from services.queries import load_queries
from tests.checkout.conftest import ADMIN
from tests.checkout.order_rows import insert_order
from tests.conftest import in_process

pytestmark = pytest.mark.anyio

ORDERS = "/api/checkout/admin/orders"


@pytest.fixture
async def shop(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url)
    async with in_process(service) as client:
        yield client


async def _page(shop: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await shop.get(ORDERS, params=query, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_orders_come_newest_first_and_pages_hold_each_once(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    numbers = [(await insert_order(owner)).number for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await _page(shop, limit=2, **cursor)
        seen += [item["number"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        await insert_order(owner)  # newer ones do not shift the pages
        cursor = {"cursor": page["next_cursor"]}
    assert seen == numbers[::-1]


async def test_a_summary_tells_what_an_order_is(shop: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    order = await insert_order(owner, {"LAMP": 2, "MUG": 3}, email="Ada@Example.com")
    [item] = (await _page(shop))["items"]
    assert item.pop("created_at").endswith("Z")
    assert item == {
        "number": order.number,
        "status": "paid",
        "email": "Ada@Example.com",
        "total": {"amount": 5490, "currency": "EUR"},
        "refunded": {"amount": 0, "currency": "EUR"},
        "items": 5,
    }


async def test_filters_of_status_and_email_and_both(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    ada_paid = (await insert_order(owner, email="Ada@example.com")).number
    ada_expired = (await insert_order(owner, email="ada@example.com", status="expired")).number
    bob_paid = (await insert_order(owner, email="bob@example.com")).number

    async def found(**query: Any) -> list[str]:
        return [item["number"] for item in (await _page(shop, **query))["items"]]

    assert await found(status="paid") == [bob_paid, ada_paid]
    assert await found(email="ADA@example.com") == [ada_expired, ada_paid]
    assert await found(email="ada@example.com", status="paid") == [ada_paid]
    assert await found(email="ada@example") == []
    assert await found(status="refunded") == []


@pytest.mark.parametrize(
    ("arguments", "index"),
    [
        ("NULL, NULL", "orders_number_key"),
        ("'paid', NULL", "orders_status"),
        ("NULL, 'ada@example.com'", "orders_email"),
        ("'paid', 'ada@example.com'", "orders_email"),
    ],
)
async def test_each_way_walks_its_own_index(owner: asyncpg.Connection, arguments: str, index: str) -> None:
    """Also by a generic plan, which the server may choose after some calls."""
    for _ in range(3):
        await insert_order(owner)
    statement = load_queries(admin_orders.__file__, "admin_orders.sql")["order_page"]
    await owner.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
    await owner.execute(f"PREPARE page AS {statement}")
    rows = await owner.fetch(
        f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE page ({arguments}, 9000000, 2)"
    )
    scans = [row[0] for row in rows if re.search(r"Scan .*on orders\b", row[0])]
    walked = [scan for scan in scans if "never executed" not in scan and "actual rows=0" not in scan]
    assert len(walked) == 1, scans
    assert f"using {index} on" in walked[0]
    assert "rows=2" in walked[0]


@pytest.mark.parametrize(
    "cursor", ["x", "", "WyJvcmRlcnMiLDBd", "WyJjYXRhbG9nIiw1XQ", "WyJvcmRlcnMiLDVdIA", "é", "%00"]
)
async def test_a_cursor_that_is_none_is_refused(shop: httpx.AsyncClient, cursor: str) -> None:
    answer = await shop.get(f"{ORDERS}?cursor={cursor}", headers=ADMIN)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_an_unknown_status_and_a_wrong_limit_are_refused(shop: httpx.AsyncClient) -> None:
    answer = await shop.get(ORDERS, params={"status": "lost", "limit": 101}, headers=ADMIN)
    assert [error["field"] for error in answer.json()["errors"]] == ["limit", "status"]


async def test_one_order_by_its_number(shop: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    order = await insert_order(owner)
    answer = await shop.get(f"{ORDERS}/{order.number}", headers=ADMIN)
    assert (answer.status_code, answer.json()["token"]) == (200, order.token)


@pytest.mark.parametrize("number", ["1", "abc", "-1", "1e3", "٣", "9" * 30, "9" * 5000, "%00"])
async def test_a_number_that_no_order_has_is_not_found(shop: httpx.AsyncClient, number: str) -> None:
    assert (await shop.get(f"{ORDERS}/{number}", headers=ADMIN)).status_code == 404


@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}/100001"])
async def test_only_the_shopkeeper_may_look(shop: httpx.AsyncClient, path: str) -> None:
    assert (await shop.get(path)).status_code == 401
    assert (await shop.get(path, headers={"Authorization": "Bearer guess"})).status_code == 401
