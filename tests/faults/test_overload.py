"""Five times as many as can be served: as much is done as ever, orders are taken, nobody waits for long, and
afterwards it is as if nothing had been. And a slow catalog, which takes checkout not with it.

All figures are ratios to what the same process did a moment before, on a database that is slow by a wire, so
that neither the machine's speed nor the crowd's own need of it decides."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from ops.local.valkey import TemporaryValkey
from tests.checkout.stand import Stand, running_checkout
from tests.faults.crowds import Ask, Figures, heedless_crowd, patient_crowd
from tests.faults.slow_wire import slow_wire
from tests.journeys.buying import filled_cart
from tests.store import NO_TLS, LocalStore, local_store, wait_until_async

pytestmark = pytest.mark.slow

PLACES, ORDINARY = 8, 6  # the rest is reserved
WIRE_SECONDS, WAIT_SECONDS = 0.25, 0.25
PEAK_SECONDS, RUSH_SECONDS, RUSH_TIMES = 8.0, 10.0, 5
ORDERS_PER_SECOND = 1.0


@asynccontextmanager
async def _small_checkout(database_url: str, redis_url: str) -> AsyncIterator[Stand]:
    """Checkout with few places, each of them held by the database for a while."""
    async with (
        slow_wire(database_url, WIRE_SECONDS) as url,
        running_checkout(
            url,
            redis_url,
            worker=False,
            CONCURRENCY_MAX=PLACES,
            CONCURRENCY_WAITING_MAX=PLACES,
            CONCURRENCY_WAIT_SECONDS=WAIT_SECONDS,
            DATABASE_POOL_MAX=PLACES,
            DATABASE_CONNECT_TIMEOUT_SECONDS=20,
            DATABASE_ACQUIRE_TIMEOUT_SECONDS=20,
            LOG_LEVEL="WARNING",
        ) as stand,
    ):
        yield stand


async def _metric(stand: Stand, line: str) -> float:
    port = stand.programs["checkout"].environment["OPS_PORT"]
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as scraper:
        text = (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text
    return sum(float(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(line))


async def test_five_times_the_capacity_costs_neither_goodput_nor_orders(
    database_url: str, valkey: TemporaryValkey
) -> None:
    async with _small_checkout(database_url, valkey.url) as stand:
        read = await stand.cart(("LAMP", 1))
        skus = [
            f"LAMP-{number}" for number in range(round(ORDERS_PER_SECOND * (PEAK_SECONDS + RUSH_SECONDS)))
        ]
        for sku in skus:
            await stand.stock(sku, 10)
        carts = iter([await stand.cart((sku, 1)) for sku in skus])
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        async with httpx.AsyncClient(
            base_url=stand.url, timeout=30, trust_env=False, verify=NO_TLS, limits=limits
        ) as crowd:

            async def look() -> httpx.Response:
                return await crowd.get(f"/api/checkout/carts/{read}")

            async def buy() -> httpx.Response:
                key = {"Idempotency-Key": str(uuid.uuid4())}
                return await crowd.post(f"/api/checkout/carts/{next(carts)}/order", headers=key)

            first = await patient_crowd(
                look, ORDINARY, 1.5
            )  # opens the connections and prepares the statements
            # An order holds its place for as long as a dozen looks: so the peak has orders beside it.
            peak, ordered = await asyncio.gather(
                patient_crowd(look, ORDINARY, PEAK_SECONDS),
                heedless_crowd(buy, ORDERS_PER_SECOND, PEAK_SECONDS),
            )
            assert set(ordered.taken) == {201}, ordered
            looking, buying = await _rush(look, buy, peak)
            after = await patient_crowd(look, ORDINARY, PEAK_SECONDS)
        print(f"\npeak   {peak}\nrush   {looking}\norders {buying}\nafter  {after}")  # noqa: T201
        assert set(looking.taken) == {200, 503}, looking
        assert looking.refusals_without_time == 0
        assert set(buying.taken) == {201}, buying
        assert looking.goodput >= 0.8 * peak.goodput
        # As long as at the peak, and as long as anybody may wait. Twice that, because the crowd itself takes
        # turns on this machine with all that it measures.
        assert looking.p99 <= 2 * (peak.p99 + WAIT_SECONDS)
        assert set(after.taken) == {200}, "nobody is refused any more"
        assert after.goodput >= 0.8 * peak.goodput
        assert await _metric(stand, "requests_waiting{") == 0
        refused = sum(len(one.taken.get(503, [])) for one in (first, peak, looking))
        assert await _metric(stand, "requests_shed_total{") == refused


async def _rush(look: Ask, buy: Ask, peak: Figures) -> tuple[Figures, Figures]:
    looking, buying = await asyncio.gather(
        heedless_crowd(look, RUSH_TIMES * peak.goodput, RUSH_SECONDS),
        heedless_crowd(buy, ORDERS_PER_SECOND, RUSH_SECONDS),
    )
    return looking, buying


async def test_a_frozen_catalog_takes_neither_orders_nor_carts_with_it() -> None:
    with local_store() as store:
        async with httpx.AsyncClient(
            base_url=store.url, timeout=30, trust_env=False, verify=NO_TLS
        ) as shopper:
            with httpx.Client(base_url=store.url, trust_env=False, timeout=15) as early:
                carts = [filled_cart(early, 1) for _ in range(5)]
            catalog = store.pids()["catalog"]
            os.kill(catalog, signal.SIGSTOP)
            try:
                await _shop_without_catalog(store, shopper, carts)
            finally:
                os.kill(catalog, signal.SIGCONT)
            cart = carts[-1]

            async def sells_again() -> bool:
                sku = cart["lines"][0]["sku"]
                path = f"/api/checkout/carts/{cart['id']}/lines/{sku}"
                return (await shopper.put(path, json={"quantity": 2})).status_code == 200

            await wait_until_async(sells_again, "prices are quoted again", 30)


async def _shop_without_catalog(
    store: LocalStore, shopper: httpx.AsyncClient, carts: list[dict[str, object]]
) -> None:
    """While many ask for prices that nobody can tell."""
    ends = asyncio.Event()
    refused = Figures()

    async def insist(cart: dict[str, object]) -> None:
        path = f"/api/checkout/carts/{cart['id']}/lines/SOME-SKU"
        while not ends.is_set():
            await refused.ask(lambda: shopper.put(path, json={"quantity": 1}))
            await asyncio.sleep(0.05)

    insisting = [asyncio.create_task(insist(carts[-1])) for _ in range(20)]

    async def some_are_refused() -> bool:
        return len(refused.taken.get(503, [])) >= 60

    await wait_until_async(some_are_refused, "new lines are refused")
    for cart in carts[:-1]:
        read = await shopper.get(f"/api/checkout/carts/{cart['id']}")
        assert read.status_code == 200, read.text
        placed = await shopper.post(
            f"/api/checkout/carts/{cart['id']}/order", headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        assert placed.status_code == 201, placed.text
    assert (await shopper.get("/cart")).status_code == 200
    ends.set()
    await asyncio.gather(*insisting)
    assert set(refused.taken) == {503}
    assert refused.refusals_without_time == 0
    taken = sorted(refused.taken[503])
    assert taken[len(taken) // 2] < 0.5, "most are refused without asking catalog"
