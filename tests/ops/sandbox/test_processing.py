"""Payments that take their time: neither paid nor failed for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import stripe

from tests.ops.sandbox.conftest import sdk, sdk_speaks_old_httpx
from tests.sandbox import RunningSandbox, running_sandbox
from tests.store import wait_until_async

pytestmark = sdk_speaks_old_httpx


async def begin(client: stripe.StripeClient, method: str = "pm_card_processing") -> stripe.PaymentIntent:
    intent = await client.v1.payment_intents.create_async(
        {"amount": 1999, "currency": "eur", "payment_method": method, "confirm": True}
    )
    assert (intent.status, intent.amount_received) == ("processing", 0)
    return intent


@pytest.fixture
async def lasting() -> AsyncIterator[RunningSandbox]:
    """A sandbox of this test's own, where payments take longer than any test."""
    async with running_sandbox(processing_seconds=600) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("method", "settled", "received_minor"),
    [("pm_card_processing", "succeeded", 1999), ("pm_card_processingDeclined", "requires_payment_method", 0)],
)
async def test_a_payment_settles_by_itself(
    sandbox: RunningSandbox, client: stripe.StripeClient, method: str, settled: str, received_minor: int
) -> None:
    processing = await begin(client, method)

    async def is_settled() -> bool:
        return (await client.v1.payment_intents.retrieve_async(processing.id)).status != "processing"

    await wait_until_async(is_settled, "the payment is settled")
    after = await client.v1.payment_intents.retrieve_async(processing.id)
    assert (after.status, after.amount_received) == (settled, received_minor)
    told = [e["type"] for e in await sandbox.events() if e["data"]["object"]["id"] == processing.id]
    assert told[1:] == ["payment_intent.processing", "payment_intent.created"]


async def test_a_payment_that_is_processing_can_not_be_confirmed_again(lasting: RunningSandbox) -> None:
    async with sdk(lasting) as client:
        processing = await begin(client)
        with pytest.raises(stripe.InvalidRequestError, match="it is processing"):
            await client.v1.payment_intents.confirm_async(processing.id, {"payment_method": "pm_card_visa"})


async def test_what_is_canceled_meanwhile_is_not_charged_and_the_rest_is_after_a_restart(
    lasting: RunningSandbox,
) -> None:
    async with sdk(lasting) as client:
        canceled = await begin(client)
        await client.v1.payment_intents.cancel_async(canceled.id)
        later = await begin(client)
    lasting.kill()
    with closing(sqlite3.connect(lasting.state, isolation_level=None)) as opened:
        come = opened.execute("UPDATE payment_intents SET settles_at = 0 WHERE settles_at IS NOT NULL")
        assert come.rowcount == 2, "the time of both has come"
    lasting.start()

    async def states() -> dict[str, str]:
        return {intent["id"]: intent["status"] for intent in await lasting.intents()}

    async def later_is_paid() -> bool:
        return (await states())[later.id] == "succeeded"

    await wait_until_async(later_is_paid, "the later payment is settled")
    assert (await states())[canceled.id] == "canceled"
