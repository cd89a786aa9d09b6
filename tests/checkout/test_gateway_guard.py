"""A gateway that is silent for long: it is not asked any more, few wait for it, and orders stand at once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ops.local.valkey import TemporaryValkey
from tests.checkout.stand import Stand, running_checkout
from tests.store import NO_TLS, wait_until_async

pytestmark = pytest.mark.slow

# The breaker wants ten failures in ten seconds: two crowds are enough.
CALLS_MAX, TIMEOUT_SECONDS = 5, 1
ORDERS = 12
# Both: one that has been run while the gateway was silent is followed by the other.
_HURRY = """UPDATE jobs.jobs SET run_at = now() WHERE state = 'queued'
            AND actor IN ('checkout.open_payment', 'checkout.poll_payment')"""


@pytest.fixture
async def stand(database_url: str, valkey: TemporaryValkey) -> AsyncIterator[Stand]:
    """Checkout that asks the gateway of few things at once, and has orders wait for it for a second."""
    async with running_checkout(
        database_url,
        valkey.url,
        PAYMENT_TIMEOUT_SECONDS=TIMEOUT_SECONDS,
        PAYMENT_CALLS_MAX=CALLS_MAX,
    ) as running:
        yield running


async def _metric(stand: Stand, name: str, **labels: str) -> float:
    """The sum over all that has these labels among its own."""
    port = stand.programs["checkout"].environment["OPS_PORT"]
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as scraper:
        text = (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


async def _not_asked(stand: Stand, *reasons: str) -> float:
    counts = [
        await _metric(stand, "calls_refused_total", target="payment_gateway", reason=reason)
        for reason in reasons
    ]
    return sum(counts)


async def _is_given_up(stand: Stand) -> bool:
    return await _metric(stand, "breaker_open", target="payment_gateway") == 1


async def _order(stand: Stand) -> dict[str, Any]:
    """One of a SKU and a shopper of its own, placed while the gateway is silent."""
    sku = f"G-{uuid.uuid4().hex[:10]}"
    await stand.stock(sku, 5)
    answer = await stand.order(await stand.cart((sku, 1), email=f"{sku.lower()}@example.com"))
    assert answer.status_code == 201, answer.text
    placed: dict[str, Any] = answer.json()
    assert placed["payment"]["state"] == "preparing"
    return placed


async def _settle(stand: Stand, placed: list[dict[str, Any]]) -> None:
    """The jobs open each payment, and the shopper pays."""
    for one in placed:

        async def can_be_paid(one: dict[str, Any] = one) -> bool:
            await stand.owner.execute(_HURRY)
            await stand.owner.execute("SELECT pg_notify('jobs', 'default')")
            found = (await stand.client.get(f"/api/checkout/orders/{one['token']}")).json()
            one["payment"] = found["payment"]
            return bool(found["payment"]["state"] == "ready")

        await wait_until_async(can_be_paid, "the job has opened the payment", 60)
        await stand.pay(one)
        await stand.becomes(one["token"], "paid", 60)


async def test_orders_stand_at_once_while_the_gateway_is_given_up_and_jobs_settle_them(stand: Stand) -> None:
    await stand.sandbox.set_fault("create_intent", "hang", times=None, seconds=60)
    placed: list[dict[str, Any]] = []

    async def is_given_up() -> bool:
        placed.extend(await asyncio.gather(*(_order(stand) for _ in range(ORDERS))))
        return await _is_given_up(stand)

    await wait_until_async(is_given_up, "the breaker opens", 60)
    assert await _not_asked(stand, "full", "waited") > 0, "of so many at once only few were let through"

    before = await _not_asked(stand, "breaker")
    placed += [await _order(stand) for _ in range(ORDERS)]
    # Now and then one of them is the probe, which waits.
    assert await _not_asked(stand, "breaker") - before >= ORDERS / 2

    await stand.sandbox.clear_faults()
    await _settle(stand, placed)
    charged = [
        intent["metadata"]["order"] for intent in await stand.sandbox.intents() if intent["amount_received"]
    ]
    assert sorted(charged) == sorted(one["number"] for one in placed), "each is charged once"

    async def is_asked_again() -> bool:
        sku = f"G-{uuid.uuid4().hex[:10]}"
        await stand.stock(sku, 5)
        placed = await stand.ordered((sku, 1))
        return bool(placed["payment"]["state"] == "ready")

    await wait_until_async(is_asked_again, "payments are opened with the order again", 30)
    assert not await _is_given_up(stand)
