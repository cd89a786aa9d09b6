"""One mailbox orders so often in an hour: what counts is what was placed, whoever tried in vain."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.checkout.conftest import problem_of
from tests.checkout.desk import NEW_ADDRESSES, Desk, open_desk, with_limits
from tests.checkout.stand import ready_cart
from tests.sandbox import RunningSandbox

pytestmark = pytest.mark.anyio

LIMIT = 3


@pytest.fixture
async def desk(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox
) -> AsyncIterator[Desk]:
    environment(**with_limits(database_url, gateway, EMAIL_ORDERS_PER_HOUR=LIMIT))
    async with open_desk(database_url, gateway) as opened:
        yield opened


async def order(desk: Desk, sku: str, email: str, key: str | None = None) -> httpx.Response:
    """A cart of its own, from an address never seen before."""
    return await order_cart(desk, await ready_cart(desk.owner, (sku, 1), email=email), key)


async def order_cart(desk: Desk, cart_id: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key or str(uuid.uuid4()), "X-Forwarded-For": next(NEW_ADDRESSES)}
    return await desk.client.post(f"/api/checkout/carts/{cart_id}/order", headers=headers)


async def test_tries_in_vain_use_up_nothing_of_whose_email_they_name(desk: Desk) -> None:
    sold_out, sku = await desk.stock(0), await desk.stock(9)
    for _ in range(LIMIT * 3):
        assert problem_of(await order(desk, sold_out, "ada@example.com")) == (409, "out-of-stock")
    for email in ("ada@example.com", "Ada@example.com", "ada@EXAMPLE.com"):
        assert (await order(desk, sku, email)).status_code == 201
    refused = await order(desk, sku, "ada@example.com")
    assert problem_of(refused) == (429, "too-many-orders")
    assert refused.headers["RateLimit-Policy"] == f'"email-orders";q={LIMIT};w=3600'
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert (await order(desk, sku, "eve@example.com")).status_code == 201


async def test_of_many_orders_at_once_exactly_the_limit_is_placed(desk: Desk) -> None:
    skus = [await desk.stock(9) for _ in range(20)]
    answers = await asyncio.gather(*(order(desk, sku, "ada@example.com") for sku in skus))
    assert Counter(answer.status_code for answer in answers) == {201: LIMIT, 429: 20 - LIMIT}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["RateLimit-Policy"] == f'"email-orders";q={LIMIT};w=3600'
    assert sum([(await desk.figures(sku))[1] for sku in skus]) == LIMIT, "the others hold no stock"
    assert await desk.broken() == {}


async def test_a_replay_is_no_order_and_gets_its_answer_when_no_more_are_allowed(desk: Desk) -> None:
    sku = await desk.stock(9)
    cart_id = await ready_cart(desk.owner, (sku, 1), email="ada@example.com")
    for _ in range(LIMIT * 2):
        assert (await order_cart(desk, cart_id, "a-key-of-the-first")).status_code == 201
    for _ in range(LIMIT - 1):
        assert (await order(desk, sku, "ada@example.com")).status_code == 201
    assert (await order(desk, sku, "ada@example.com")).status_code == 429
    assert (await order_cart(desk, cart_id, "a-key-of-the-first")).status_code == 201


async def test_the_mailbox_can_not_be_read_in_its_counter(desk: Desk) -> None:
    await order(desk, await desk.stock(1), "ada@example.com")
    counted = (
        "SELECT who, seconds, count FROM checkout.limit_counts WHERE rule = 'email-orders' ORDER BY seconds"
    )
    rows = await desk.owner.fetch(counted)
    assert [(row["seconds"], row["count"]) for row in rows] == [(3600, 1), (28800, 1)]
    assert not any("ada" in row["who"] for row in rows)
