"""Checkout killed with `kill -9` in the middle of 200 orders: nothing lost, nothing charged twice."""

import asyncio
import random
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from ops.check_invariants import broken_books, broken_invariants
from ops.local.valkey import TemporaryValkey
from services.settings import PaymentSettings
from tests.checkout.stand import Stand, running_checkout
from tests.store import wait_until_async

pytestmark = pytest.mark.slow

ORDERS, KILLS = 200, 8


async def _shop(stand: Stand, skus: list[str], number: int, paid: list[str]) -> None:
    """A stubborn shopper: repeats the same request, key and all, until it is answered; then pays, and
    repeats that too."""
    cart_id = await stand.cart(*((sku, 1) for sku in random.sample(skus, 2)))
    key = str(uuid.uuid4())

    async def ordered() -> bool:
        try:
            answer = await stand.order(cart_id, key)
        except httpx.HTTPError:
            return False
        assert answer.status_code in (201, 409, 503), answer.text
        placed.append(answer.json())
        return answer.status_code == 201 and placed[-1]["payment"]["state"] != "preparing"

    placed: list[dict[str, Any]] = []
    await wait_until_async(ordered, f"order {number} is answered", 120)
    method = "pm_card_chargeDeclined" if number % 10 == 0 else "pm_card_visa"
    await stand.pay(placed[-1], method)
    if number % 10:
        paid.append(placed[-1]["token"])


async def _kill_now_and_then(stand: Stand) -> None:
    checkout, worker = stand.programs["checkout"], stand.programs["worker-durable"]
    for kill in range(KILLS):

        async def more_were_placed(above: int = ORDERS * (kill + 1) // (KILLS + 2)) -> bool:
            return bool(await stand.owner.fetchval("SELECT count(*) FROM checkout.orders") >= above)

        await wait_until_async(more_were_placed, "some more orders", 120)
        victim = worker if kill % 4 == 3 else checkout
        victim.kill()
        victim.start()
        await asyncio.to_thread(victim.await_ready)


async def test_killed_in_the_middle_of_200_orders_nothing_is_lost_or_doubled(
    database_url: str, valkey: TemporaryValkey
) -> None:
    async with running_checkout(database_url, valkey.url) as stand:
        skus = [f"K-{number}" for number in range(8)]
        for sku in skus:
            await stand.stock(sku, 1000)
        paid: list[str] = []
        gate = asyncio.Semaphore(12)

        async def shopper(number: int) -> None:
            async with gate:
                await _shop(stand, skus, number, paid)

        await asyncio.gather(_kill_now_and_then(stand), *(shopper(number) for number in range(ORDERS)))

        async def all_settled() -> bool:
            statement = "SELECT count(*) FROM checkout.orders WHERE status = 'paid'"
            return bool(await stand.owner.fetchval(statement) == len(paid))

        await wait_until_async(all_settled, "every payment is settled", 120)
        statuses = Counter([await stand.status(token) for token in paid])
        assert statuses == {"paid": ORDERS - ORDERS // 10}
        assert await stand.owner.fetchval("SELECT count(*) FROM checkout.orders") == ORDERS
        broken = await broken_invariants(database_url)
        assert not any(broken.values()), broken
        assert await broken_books(database_url, PaymentSettings.read(stand.sandbox.environment)) == []
        charged = [i for i in await stand.sandbox.intents() if i["amount_received"]]
        assert len(charged) == len(paid)
