"""Parcels: nothing leaves twice, however often and however many ask."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from services.checkout.app import service
from tests.checkout.conftest import ADMIN, waits_briefly
from tests.checkout.order_rows import OrderRow, insert_order, jobs_of
from tests.conftest import in_process

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(
    database_url: str, environment: Callable[..., None], lock_timeout_seconds: float
) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url, DATABASE_LOCK_TIMEOUT_SECONDS=lock_timeout_seconds)
    async with in_process(service) as client:
        yield client


async def _ship(
    shop: httpx.AsyncClient, order: OrderRow | str, key: str | None = None, **body: Any
) -> httpx.Response:
    number = order if isinstance(order, str) else order.number
    headers = {**ADMIN, "Idempotency-Key": key or str(uuid.uuid4())}
    return await shop.post(f"/api/checkout/admin/orders/{number}/fulfilments", json=body, headers=headers)


def _lines(**quantities: int) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]


async def _order(owner: asyncpg.Connection, order: OrderRow) -> asyncpg.Record:
    row = await owner.fetchrow(
        """SELECT o.status, o.fulfilled_at,
             (SELECT json_object_agg(sku, fulfilled ORDER BY position)::text
              FROM checkout.order_lines WHERE order_id = o.id) AS sent
           FROM checkout.orders o WHERE o.id = $1""",
        order.id,
    )
    assert row is not None
    return row


async def test_without_lines_everything_leaves_and_the_order_is_fulfilled(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner)
    answer = await _ship(shop, order, carrier="DHL", tracking_number="1", tracking_url="https://t.example/1")
    assert answer.status_code == 201, answer.text
    parcel = answer.json()
    assert parcel.pop("created_at").endswith("Z")
    fulfilment_id = parcel.pop("id")
    assert parcel == {
        "lines": _lines(LAMP=2, MUG=1),
        "carrier": "DHL",
        "tracking_number": "1",
        "tracking_url": "https://t.example/1",
    }
    row = await _order(owner, order)
    assert (row["status"], row["sent"]) == ("fulfilled", '{ "LAMP" : 2, "MUG" : 1 }')
    assert row["fulfilled_at"] is not None
    assert await jobs_of(owner, "checkout.send_shipped") == [[fulfilment_id]]


async def test_parts_leave_one_after_the_other(shop: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    order = await insert_order(owner)
    assert (await _ship(shop, order, lines=_lines(LAMP=1))).status_code == 201
    row = await _order(owner, order)
    assert (row["status"], row["fulfilled_at"]) == ("paid", None)
    rest = await _ship(shop, order)
    assert rest.json()["lines"] == _lines(LAMP=1, MUG=1)
    assert (await _order(owner, order))["status"] == "fulfilled"
    again = await _ship(shop, order)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-fulfillable")
    assert again.json()["order_status"] == "fulfilled"
    positions = await owner.fetch("SELECT position FROM checkout.fulfilments ORDER BY position")
    assert [row["position"] for row in positions] == [1, 2]


async def test_more_than_is_left_is_refused_and_says_what_is_left(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner)
    await _ship(shop, order, lines=_lines(LAMP=1))
    answer = await _ship(shop, order, lines=_lines(MUG=1, LAMP=2))
    assert (answer.status_code, answer.json()["left"]) == (409, _lines(LAMP=1, MUG=1))
    assert (await _order(owner, order))["sent"] == '{ "LAMP" : 1, "MUG" : 0 }'
    assert len(await jobs_of(owner, "checkout.send_shipped")) == 1


async def test_lines_the_order_does_not_have_are_named(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner)
    lines = [*_lines(LAMP=1, CHAIR=1), *_lines(LAMP=1)]
    answer = await _ship(shop, order, lines=lines)
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [
            {"field": "lines[1].sku", "message": "is not in this order"},
            {"field": "lines[2].sku", "message": "is given more than once"},
        ],
    )


@pytest.mark.parametrize("status", ["pending_payment", "cancelled", "expired", "refunded", "refund_due"])
async def test_what_is_not_paid_or_paid_back_does_not_leave(
    shop: httpx.AsyncClient, owner: asyncpg.Connection, status: str
) -> None:
    answer = await _ship(shop, await insert_order(owner, status=status))
    body = answer.json()
    assert (answer.status_code, body["status"], body["order_status"]) == (409, 409, status)


async def test_an_order_refunded_in_part_leaves_and_stays_so(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner, status="partially_refunded")
    assert (await _ship(shop, order)).status_code == 201
    row = await _order(owner, order)
    assert row["status"] == "partially_refunded"
    assert row["fulfilled_at"] is not None


async def test_raced_20_times_it_leaves_exactly_once(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner, {"LAMP": 3})
    answers = await asyncio.gather(*(_ship(shop, order, lines=_lines(LAMP=3)) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert await owner.fetchval("SELECT count(*) FROM checkout.fulfilments") == 1
    assert len(await jobs_of(owner, "checkout.send_shipped")) == 1


async def test_raced_unit_by_unit_no_more_leaves_than_was_bought(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner, {"LAMP": 5})
    answers = await asyncio.gather(*(_ship(shop, order, lines=_lines(LAMP=1)) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 15}
    assert (await _order(owner, order))["status"] == "fulfilled"


async def test_the_same_request_20_times_is_one_parcel(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order, key = await insert_order(owner), str(uuid.uuid4())
    answers = await asyncio.gather(*(_ship(shop, order, key, lines=_lines(LAMP=1)) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 20}
    assert len({answer.text for answer in answers}) == 1
    assert (await _order(owner, order))["sent"] == '{ "LAMP" : 1, "MUG" : 0 }'
    assert len(await jobs_of(owner, "checkout.send_shipped")) == 1


async def test_a_key_belongs_to_its_request(shop: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    order, other = await insert_order(owner), await insert_order(owner)
    key = "parcel-1"
    first = await _ship(shop, order, key, lines=_lines(LAMP=1))
    assert (await _ship(shop, order, key, lines=_lines(LAMP=1))).json() == first.json()
    for answer in (await _ship(shop, order, key, lines=_lines(LAMP=2)), await _ship(shop, other, key)):
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_a_key_that_failed_may_be_used_again(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner, status="pending_payment")
    assert (await _ship(shop, order, "parcel-2")).status_code == 409
    await owner.execute("UPDATE checkout.orders SET status = 'paid' WHERE id = $1", order.id)
    assert (await _ship(shop, order, "parcel-2")).status_code == 201


async def test_without_a_key_or_with_a_wrong_one_nothing_happens(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner)
    path = f"/api/checkout/admin/orders/{order.number}/fulfilments"
    bare = await shop.post(path, json={}, headers=ADMIN)
    assert (bare.status_code, bare.json()["type"]) == (400, "/problems/idempotency-key-missing")
    for key in ("", "a" * 256, "with space", "\x7f"):
        answer = await shop.post(path, json={}, headers={**ADMIN, "Idempotency-Key": key})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-request"), key
    assert await owner.fetchval("SELECT count(*) FROM checkout.fulfilments") == 0


@waits_briefly
async def test_a_twin_that_takes_long_is_in_flight(
    shop: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    order = await insert_order(owner)
    async with owner.transaction():
        await owner.execute(
            "INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id) "
            "VALUES ('fulfilment', 'slow', 'f', 'r')"
        )
        answer = await _ship(shop, order, "slow")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/in-flight")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("number", ["1", "abc", "9" * 30, "9" * 5000])
async def test_an_order_that_is_not_there_is_not_found(shop: httpx.AsyncClient, number: str) -> None:
    assert (await _ship(shop, number)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"lines": []},
        {"lines": [{"sku": "LAMP", "quantity": 0}]},
        {"lines": [{"sku": "LAMP"}]},
        {"tracking_url": "javascript:alert(1)"},
        {"tracking_url": "https://t.example/1\n"},
        {"colour": "red"},
    ],
)
async def test_a_wrong_body_is_refused(
    shop: httpx.AsyncClient, owner: asyncpg.Connection, body: dict[str, Any]
) -> None:
    assert (await _ship(shop, await insert_order(owner), **body)).status_code == 422


async def test_only_the_shopkeeper_may_ship(shop: httpx.AsyncClient) -> None:
    answer = await shop.post("/api/checkout/admin/orders/1/fulfilments", json={})
    assert answer.status_code == 401
