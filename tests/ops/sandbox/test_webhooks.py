"""Signed events arrive at least once, whatever happens to either side."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import stripe

from ops.local.ports import free_port
from ops.sandbox.deliveries import TIMEOUT_SECONDS
from tests.ops.sandbox.conftest import api
from tests.ops.sandbox.receiver import Receiver, receiving
from tests.sandbox import RunningSandbox
from tests.store import wait_until_async

VISA = {"amount": "1999", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
SUCCEEDED = "payment_intent.succeeded"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
async def sending(sandbox: RunningSandbox, receiver: Receiver) -> AsyncIterator[RunningSandbox]:
    """The shared sandbox, whose webhooks go to the receiver of this test."""
    await sandbox.send_webhooks_to(receiver.url)
    yield sandbox
    await sandbox.send_webhooks_to(None)


async def pay(raw: httpx.AsyncClient, **form: str) -> str:
    intent = (await raw.post("/payment_intents", data={**VISA, **form})).json()
    return str((intent.get("error", {}).get("payment_intent") or intent)["id"])


async def test_the_official_sdk_believes_the_signature(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    intent = await pay(raw, **{"metadata[order]": "K-1"})
    [delivery] = receiver.wait_for(SUCCEEDED)
    event = stripe.Webhook.construct_event(delivery.body, delivery.signature, sending.webhook_secret)
    thing = event.data.object
    assert (event.type, thing["id"], thing["status"]) == (SUCCEEDED, intent, "succeeded")
    assert thing["metadata"]["order"] == "K-1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(delivery.body, delivery.signature, "whsec_other")


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ({}, ["payment_intent.created", SUCCEEDED]),
        (
            {"payment_method": "pm_card_chargeDeclined"},
            ["payment_intent.created", "payment_intent.payment_failed"],
        ),
        (
            {"payment_method": "pm_card_threeDSecure2Required"},
            ["payment_intent.created", "payment_intent.requires_action"],
        ),
    ],
)
async def test_what_happens_to_an_intent_is_told(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, form: dict[str, str], kinds: list[str]
) -> None:
    intent = await pay(raw, **form)
    about = [event for event in await sandbox.events() if event["data"]["object"]["id"] == intent]
    assert [event["type"] for event in about[::-1]] == kinds


async def test_canceling_and_giving_back_are_told(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = (await raw.post("/payment_intents", data={"amount": "5", "currency": "eur"})).json()
    await raw.post(f"/payment_intents/{made['id']}/cancel")
    await raw.post("/refunds", data={"payment_intent": await pay(raw), "amount": "9"})
    for kind in ("payment_intent.canceled", "refund.created", "refund.updated", "charge.refunded"):
        receiver.wait_for(kind)
    [refunded] = receiver.of("charge.refunded")
    assert refunded.event["data"]["object"]["amount_refunded"] == 9


async def test_an_event_is_sent_again_until_it_is_taken(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 404]
    await raw.post("/payment_intents", data={"amount": "5", "currency": "eur"})
    attempts = receiver.wait_for("payment_intent.created", 4)
    assert len({attempt.event["id"] for attempt in attempts}) == 1
    waits = [later.at - sooner.at for sooner, later in itertools.pairwise(attempts)]
    assert all(wait > least for wait, least in zip(waits, (0.45, 0.95, 1.9), strict=True)), waits

    async def taken() -> bool:
        return bool(await sending.events(delivery_success="true", kind="payment_intent.created"))

    await wait_until_async(taken, "the event counts as delivered")
    assert len(receiver.of("payment_intent.created")) == 4


async def test_a_receiver_that_was_away_gets_everything_when_it_is_back(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    port = free_port()
    with receiving(port) as gone:
        url = gone.url
    await sandbox.send_webhooks_to(url)
    intents = {await pay(raw) for _ in range(5)}
    undelivered = await sandbox.events(SUCCEEDED, delivery_success="false")
    assert intents <= {event["data"]["object"]["id"] for event in undelivered}
    with receiving(port) as back:
        await sandbox.send_webhooks_to(back.url)
        back.wait_for(SUCCEEDED, 5)
        assert {delivery.event["data"]["object"]["id"] for delivery in back.of(SUCCEEDED)} == intents
    await sandbox.send_webhooks_to(None)


async def test_a_silent_receiver_does_not_keep_the_gateway_from_answering(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.speaks.clear()
    started = time.monotonic()
    for _ in range(12):
        await pay(raw)
    assert time.monotonic() - started < TIMEOUT_SECONDS * 3  # it would be twelve times as long
    receiver.speaks.set()
    receiver.wait_for(SUCCEEDED, 12)


async def test_a_dropped_event_is_never_sent_but_can_be_read(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    await sending.set_fault("webhook", "drop", event=SUCCEEDED)
    lost = await pay(raw)
    later = await pay(raw)
    [arrived] = receiver.wait_for(SUCCEEDED)
    assert arrived.event["data"]["object"]["id"] == later

    async def unsuccessful() -> list[dict[str, Any]]:
        return await sending.events(SUCCEEDED, delivery_success="false")

    async def only_one_is() -> bool:
        return [event["data"]["object"]["id"] for event in await unsuccessful()] == [lost]

    await wait_until_async(only_one_is, "the other counts as delivered")
    assert (await unsuccessful())[0]["pending_webhooks"] == 0


async def test_a_duplicated_event_comes_twice_under_one_id(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    await sending.set_fault("webhook", "duplicate", event=SUCCEEDED)
    await pay(raw)
    first, second = receiver.wait_for(SUCCEEDED, 2)
    assert first.event["id"] == second.event["id"]


async def test_a_late_event_comes_late(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    await sending.set_fault("webhook", "late", event="payment_intent.created", seconds=0.8)
    began = time.monotonic()
    await pay(raw)
    [created], _ = receiver.wait_for("payment_intent.created"), receiver.wait_for(SUCCEEDED)
    assert created.at - began > 0.75


async def test_reordered_events_come_the_other_way_round(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    await sending.set_fault("webhook", "reorder", event="payment_intent.created", seconds=30)
    await pay(raw)
    receiver.wait_for("payment_intent.created")
    assert [delivery.type for delivery in receiver.deliveries] == [SUCCEEDED, "payment_intent.created"]


async def test_a_badly_signed_event_comes_again_with_a_good_signature(
    sending: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.statuses = [400]  # what the shop says to a wrong signature
    await sending.set_fault("webhook", "bad_signature")
    await raw.post("/payment_intents", data={"amount": "5", "currency": "eur"})
    bad, good = receiver.wait_for("payment_intent.created", 2)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(bad.body, bad.signature, sending.webhook_secret)
    assert stripe.Webhook.construct_event(good.body, good.signature, sending.webhook_secret)


async def test_what_was_not_delivered_is_delivered_after_a_crash(
    own_sandbox: RunningSandbox, receiver: Receiver
) -> None:
    receiver.statuses = [503] * 4
    await own_sandbox.send_webhooks_to(receiver.url)
    async with api(own_sandbox) as raw:
        intent = await pay(raw)
    receiver.wait_for(SUCCEEDED)
    own_sandbox.restart()

    async def taken() -> bool:
        return len(await own_sandbox.events(delivery_success="true")) == 2

    await wait_until_async(taken, "both events are delivered")
    assert {delivery.event["data"]["object"]["id"] for delivery in receiver.of(SUCCEEDED)} == {intent}


async def test_without_an_address_nothing_is_kept_for_later(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, receiver: Receiver
) -> None:
    unheard = await pay(raw)
    await sandbox.send_webhooks_to(receiver.url)
    heard = await pay(raw)
    receiver.wait_for(SUCCEEDED)
    told = {delivery.event["data"]["object"]["id"] for delivery in receiver.deliveries}
    assert (heard in told, unheard in told) == (True, False)
    await sandbox.send_webhooks_to(None)
