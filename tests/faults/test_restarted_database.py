"""PostgreSQL shut down, and killed, in the middle of orders: who was cut off is told to come again, and
who comes again finds the order or nothing at all."""

import asyncio
import uuid
from collections import Counter

import asyncpg
import httpx
import pytest

from ops.check_invariants import broken_invariants
from ops.local.postgres import TemporaryPostgres
from ops.local.valkey import TemporaryValkey
from tests.checkout.stand import Stand, running_checkout
from tests.store import wait_until_async

pytestmark = pytest.mark.slow

ORDERS = 80


async def _order_stubbornly(stand: Stand, cart_id: str, answers: list[httpx.Response]) -> str:
    """Repeats the same request, key and all, until there is an order. Returns its token."""
    key = str(uuid.uuid4())

    async def ordered() -> bool:
        answers.append(answer := await stand.order(cart_id, key))
        tokens.extend([answer.json()["token"]] if answer.status_code == 201 else [])
        return bool(tokens)

    tokens: list[str] = []
    await wait_until_async(ordered, "the order is placed", 60)
    return tokens[0]


async def _trouble(postgres: TemporaryPostgres, answers: list[httpx.Response]) -> None:
    for number, strike in enumerate((postgres.stop, postgres.kill, postgres.stop), 1):

        async def some_are_placed(above: int = ORDERS * number // 5) -> bool:
            return sum(answer.status_code == 201 for answer in answers) >= above

        await wait_until_async(some_are_placed, "some orders", 60)
        await asyncio.to_thread(strike)
        refused = len(answers) + 5

        async def some_are_refused(above: int = refused) -> bool:
            return len(answers) >= above

        await wait_until_async(some_are_refused, "somebody has noticed", 60)
        await asyncio.to_thread(postgres.start)


async def test_an_order_cut_off_by_the_database_is_there_or_not_at_all(
    own_postgres: TemporaryPostgres, valkey: TemporaryValkey
) -> None:
    owner = await asyncpg.connect(own_postgres.url)
    # Servers of tests are faster than safe; what this one has committed is to outlive its kill.
    await owner.execute("ALTER DATABASE kiosk SET synchronous_commit = on")
    await owner.close()
    async with running_checkout(own_postgres.url, valkey.url) as stand:
        skus = [f"D-{number}" for number in range(3)]
        for sku in skus:
            await stand.stock(sku, 1000)
        carts = [await stand.cart(*((sku, 1) for sku in skus)) for _ in range(ORDERS)]
        answers: list[httpx.Response] = []
        gate = asyncio.Semaphore(6)

        async def shopper(cart_id: str) -> str:
            async with gate:
                return await _order_stubbornly(stand, cart_id, answers)

        tokens, _ = await asyncio.gather(
            asyncio.gather(*(shopper(cart_id) for cart_id in carts)), _trouble(own_postgres, answers)
        )
        assert len(set(tokens)) == ORDERS
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses.keys() == {201, 503}, [a.text for a in answers if a.status_code not in (201, 503)]
        assert all(answer.headers.get("retry-after") for answer in answers if answer.status_code == 503)

        async def counted() -> bool:
            try:
                return bool(await stand.owner.fetchval("SELECT count(*) FROM checkout.orders") == ORDERS)
            except (OSError, asyncpg.PostgresError):  # the pool still has connections of before
                return False

        await wait_until_async(counted, "every order is there, once")
        broken = await broken_invariants(own_postgres.url)
        said = {
            name: rows for name, rows in broken.items() if rows and name != "catalog_shows_what_checkout_has"
        }
        assert said == {}
        assert "unhandled error" not in stand.programs["checkout"].log.read_text()
