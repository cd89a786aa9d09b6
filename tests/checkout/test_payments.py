"""Payments when the gateway does not behave: silent, dead, failing, late, twice, out of order."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ops.local.valkey import TemporaryValkey
from tests.checkout.stand import ADMIN, Stand, running_checkout
from tests.conftest import Databases
from tests.store import wait_until_async

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def stand(databases: Databases, valkey: TemporaryValkey) -> AsyncIterator[Stand]:
    url = await databases.copy()
    async with running_checkout(url, valkey.url, PAYMENT_TIMEOUT_SECONDS=1) as running:
        yield running
    await databases.drop(url)


@pytest.fixture(autouse=True)
async def well_again(stand: Stand) -> AsyncIterator[None]:
    yield
    await stand.sandbox.clear_faults()


async def _stocked(stand: Stand, level: int = 5) -> str:
    sku = f"P-{uuid.uuid4().hex[:10]}"
    await stand.stock(sku, level)
    return sku


async def _order(stand: Stand, token: str) -> dict[str, Any]:
    order: dict[str, Any] = (await stand.client.get(f"/api/checkout/orders/{token}")).json()
    return order


async def _payment_becomes(stand: Stand, token: str, state: str, seconds: float = 30.0) -> dict[str, Any]:
    async def is_so() -> bool:
        return bool((await _order(stand, token))["payment"]["state"] == state)

    await wait_until_async(is_so, f"the payment is {state}", seconds)
    return await _order(stand, token)


async def _hurry(stand: Stand, actor: str) -> None:
    """Lets waiting jobs of an actor run now."""
    await stand.owner.execute(
        "UPDATE jobs.jobs SET run_at = now() WHERE state = 'queued' AND actor = $1", actor
    )
    await stand.owner.execute("SELECT pg_notify('jobs', 'default')")


async def _put_off_jobs(stand: Stand) -> None:
    """None looks at a payment now: only events tell."""
    await stand.owner.execute(
        "UPDATE jobs.jobs SET run_at = now() + interval '1 hour' WHERE state = 'queued' "
        "AND actor IN ('checkout.open_payment', 'checkout.poll_payment')"
    )


async def _charges(stand: Stand, number: str) -> list[int]:
    intents = await stand.sandbox.intents()
    return [
        i["amount_received"] for i in intents if i["metadata"].get("order") == number and i["amount_received"]
    ]


async def _time_is_over(stand: Stand, number: str) -> None:
    await stand.owner.execute(
        "UPDATE checkout.orders SET reserved_until = now() WHERE number = $1", int(number)
    )
    await _hurry(stand, "checkout.expire_order")


@pytest.mark.parametrize(
    "mode", ["hang", "lost_reply", "error_500", "stored_500", "rate_limited", "reset", "slow"]
)
async def test_an_order_stands_and_settles_when_the_gateway_fails_to_open(stand: Stand, mode: str) -> None:
    sku = await _stocked(stand)
    await stand.sandbox.set_fault("create_intent", mode, times=2, seconds=10)
    began = time.monotonic()
    placed = await stand.ordered((sku, 1))
    assert time.monotonic() - began < 9  # not the gateway's patience but ours
    # Where the intent was made and only the reply is lost, its first event may already have told us.
    told = mode in ("lost_reply", "stored_500", "slow")
    assert placed["payment"]["state"] in (("preparing", "ready") if told else ("preparing",))
    assert (placed["payment"]["client_secret"] is None) == (placed["payment"]["state"] == "preparing")
    await _hurry(stand, "checkout.open_payment")
    await _payment_becomes(stand, placed["token"], "ready", 60)
    order = await _order(stand, placed["token"])
    await stand.pay(order)
    await stand.becomes(placed["token"], "paid")
    assert await _charges(stand, placed["number"]) == [placed["total"]["amount"]]


async def test_a_dead_gateway_is_waited_for(stand: Stand) -> None:
    sku = await _stocked(stand)
    stand.sandbox.kill()
    placed = await stand.ordered((sku, 1))
    assert placed["payment"]["state"] == "preparing"
    stand.sandbox.restart()
    await _hurry(stand, "checkout.open_payment")
    order = await _payment_becomes(stand, placed["token"], "ready")
    await stand.pay(order)
    await stand.becomes(placed["token"], "paid")


async def test_a_reply_lost_after_the_charge_changes_nothing(stand: Stand) -> None:
    sku = await _stocked(stand)
    placed = await stand.ordered((sku, 1))
    await stand.sandbox.set_fault("confirm_intent", "lost_reply")
    with pytest.raises(httpx.HTTPError):
        await stand.pay(placed)
    await stand.becomes(placed["token"], "paid")
    assert "error" in await stand.pay(placed)  # pressed again
    assert await _charges(stand, placed["number"]) == [placed["total"]["amount"]]


async def test_a_webhook_that_never_comes_is_made_up_for_by_looking(stand: Stand) -> None:
    sku = await _stocked(stand)
    placed = await stand.ordered((sku, 1))
    await stand.sandbox.set_fault("webhook", "drop", times=None)
    await stand.pay(placed)
    await _hurry(stand, "checkout.open_payment")
    await stand.becomes(placed["token"], "paid")


@pytest.mark.parametrize("mode", ["duplicate", "reorder", "late"])
async def test_webhooks_may_come_twice_late_and_out_of_order(stand: Stand, mode: str) -> None:
    sku = await _stocked(stand)
    placed = await stand.ordered((sku, 1))
    await stand.sandbox.set_fault("webhook", mode, times=4, seconds=1)
    assert "error" in await stand.pay(placed, "pm_card_chargeDeclined")
    await stand.pay(placed)
    await stand.becomes(placed["token"], "paid")
    assert await stand.figures(sku) == (4, 0)
    receipts = (
        "SELECT count(*) FROM jobs.jobs WHERE actor = 'checkout.send_receipt' AND args ->> 0 = $1::text"
    )
    order_id = await stand.owner.fetchval(
        "SELECT id::text FROM checkout.orders WHERE number = $1", int(placed["number"])
    )
    assert await stand.owner.fetchval(receipts, order_id) == 1


async def test_an_unpaid_order_expires_and_frees_what_it_held(stand: Stand) -> None:
    sku = await _stocked(stand, 1)
    placed = await stand.ordered((sku, 1))
    await _time_is_over(stand, placed["number"])
    await stand.becomes(placed["token"], "expired")
    assert await stand.figures(sku) == (1, 0)
    assert "error" in await stand.pay(placed)  # the gateway was told to take no more money
    order = await _payment_becomes(stand, placed["token"], "failed")
    assert order["can_cancel"] is False


async def _expired_while_paying(stand: Stand, placed: dict[str, Any]) -> None:
    """The order's time ends while the gateway is not heard of; meanwhile the shopper pays there."""
    await stand.sandbox.set_fault("cancel_intent", "reset", times=None)
    await stand.sandbox.set_fault("webhook", "drop", times=None)
    await _time_is_over(stand, placed["number"])
    await stand.becomes(placed["token"], "expired")
    paid = await stand.pay(placed)
    assert paid["status"] == "succeeded"


async def test_paid_after_expiry_gets_its_stock_again(stand: Stand) -> None:
    sku = await _stocked(stand, 1)
    placed = await stand.ordered((sku, 1))
    await _expired_while_paying(stand, placed)
    await stand.sandbox.clear_faults()
    await _hurry(stand, "checkout.poll_payment")
    await stand.becomes(placed["token"], "paid")
    assert await stand.figures(sku) == (0, 0)


async def test_paid_after_expiry_in_vain_gets_its_money_back(stand: Stand) -> None:
    sku = await _stocked(stand, 1)
    placed = await stand.ordered((sku, 1))
    await _expired_while_paying(stand, placed)
    other = await stand.ordered((sku, 1))  # someone else has the last one
    await stand.sandbox.clear_faults()
    await _hurry(stand, "checkout.poll_payment")
    await stand.becomes(placed["token"], "refunded")
    assert await stand.status(other["token"]) == "pending_payment"
    [refund] = [r for r in await stand.sandbox.refunds() if r["payment_intent"] == placed["payment"]["id"]]
    assert refund["amount"] == placed["total"]["amount"]


async def test_paid_after_the_shelf_was_found_empty_gets_its_money_back(stand: Stand) -> None:
    sku = await _stocked(stand, 1)
    placed = await stand.ordered((sku, 1))
    await stand.stock(sku, 0)
    await stand.pay(placed)
    await stand.becomes(placed["token"], "refunded")
    assert await stand.figures(sku) == (0, 0)


@pytest.mark.parametrize("mode", ["lost_reply", "stored_500", "error_500", "rate_limited"])
async def test_a_refund_is_made_once_however_the_gateway_answers(stand: Stand, mode: str) -> None:
    sku = await _stocked(stand)
    placed = await stand.paid((sku, 1))
    await stand.sandbox.set_fault("create_refund", mode, times=2)
    url = f"/api/checkout/admin/orders/{placed['number']}/refunds"
    answer = await stand.client.post(url, headers={**ADMIN, "Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == 201

    async def refunded() -> bool:
        await _hurry(stand, "checkout.send_refund")
        return await stand.status(placed["token"]) == "refunded"

    await wait_until_async(refunded, "the refund is through")
    mine = [
        r["amount"] for r in await stand.sandbox.refunds() if r["payment_intent"] == placed["payment"]["id"]
    ]
    assert mine == [placed["total"]["amount"]]


def _signed(body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={timestamp},v1={digest}"}


def _event(intent: dict[str, Any]) -> bytes:
    event = {"id": f"evt_{uuid.uuid4().hex}", "type": "payment_intent.succeeded", "data": {"object": intent}}
    return json.dumps(event).encode()


async def test_only_a_signed_event_is_believed(stand: Stand) -> None:
    sku = await _stocked(stand)
    placed = await stand.ordered((sku, 1))
    attempt = await stand.owner.fetchrow(
        "SELECT * FROM checkout.payment_attempts WHERE gateway_id = $1", placed["payment"]["id"]
    )
    assert attempt is not None
    intent = {
        "id": attempt["gateway_id"],
        "status": "succeeded",
        "amount": attempt["amount_minor"],
        "amount_received": attempt["amount_minor"],
        "currency": "eur",
        "metadata": {"attempt": str(attempt["id"])},
    }
    secret, body = stand.sandbox.webhook_secret, _event(intent)
    refused = [
        {},
        {"Stripe-Signature": "t=1,v1=00"},
        {"Stripe-Signature": "nonsense"},
        _signed(body, "whsec_other"),
        _signed(body + b" ", secret),
        _signed(body, secret, time.time() - 301),
    ]
    for headers in refused:
        answer = await stand.client.post("/webhooks/payments", content=body, headers=headers)
        assert answer.status_code == 400, headers
        assert answer.json()["type"] == "/problems/signature-wrong"
    assert await stand.status(placed["token"]) == "pending_payment"
    wrong = _event({**intent, "amount": 1, "amount_received": 1})
    answer = await stand.client.post("/webhooks/payments", content=wrong, headers=_signed(wrong, secret))
    assert answer.json() == {"effect": "mismatch"}
    assert await stand.status(placed["token"]) == "pending_payment"
    effects = [
        (await stand.client.post("/webhooks/payments", content=body, headers=_signed(body, secret))).json()[
            "effect"
        ]
        for _ in range(2)
    ]
    assert effects == ["paid", "repeated"]
    elsewhere = _event({**intent, "metadata": {}})
    answer = await stand.client.post(
        "/webhooks/payments", content=elsewhere, headers=_signed(elsewhere, secret)
    )
    assert answer.json() == {"effect": "unknown"}


async def test_equal_events_at_once_have_one_effect(stand: Stand) -> None:
    sku = await _stocked(stand)
    placed = await stand.ordered((sku, 1))
    await stand.sandbox.set_fault("webhook", "drop", times=None)
    await _put_off_jobs(stand)
    await stand.pay(placed)
    [intent] = [i for i in await stand.sandbox.intents() if i["id"] == placed["payment"]["id"]]
    bodies = [_event(intent) for _ in range(5)] * 4

    async def send(body: bytes) -> str:
        headers = _signed(body, stand.sandbox.webhook_secret)
        answer = await stand.client.post("/webhooks/payments", content=body, headers=headers)
        effect: str = answer.json()["effect"]
        return effect

    effects = await asyncio.gather(*(send(body) for body in bodies))
    assert effects.count("paid") == 1
    assert effects.count("repeated") == 19
    assert await stand.figures(sku) == (4, 0)
