"""Money given back when the gateway's word is late, contradicts itself or has been forgotten."""

import asyncio
import uuid
from typing import Any

import pytest

from services.checkout.payments import refunds
from services.checkout.payments.gateway import GatewayRefused
from services.checkout.payments.gateway_shapes import GatewayError, GatewayRefund
from services.checkout.sweeping import sweep_all
from tests.checkout.conftest import problem_of
from tests.checkout.desk import Desk
from tests.checkout.stand import ADMIN


async def _refund_row(desk: Desk) -> Any:
    return await desk.owner.fetchrow("SELECT * FROM checkout.refunds")


async def _made(desk: Desk, placed: dict[str, Any]) -> dict[str, Any]:
    """The one refund the gateway has made of an order."""
    [made] = [r for r in await desk.sandbox.refunds() if r["payment_intent"] == placed["payment"]["id"]]
    return made


async def _word(desk: Desk, status: str, **changes: Any) -> dict[str, Any]:
    """The gateway's refund as an event would tell of it."""
    row = await _refund_row(desk)
    said = {"id": row["gateway_id"], "amount": row["amount_minor"], "status": status}
    return {**said, "metadata": {"refund": str(row["id"])}, **changes}


async def test_a_refund_that_its_webhook_tells_first_is_counted_once(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 500)
    made = await _made(desk, placed)
    assert (await desk.receive_event("refund.created", made)).json() == {"effect": "succeeded"}
    assert await desk.status(placed) == "partially_refunded"
    await desk.send_refunds()
    assert (await desk.receive_event("refund.updated", made)).json() == {"effect": "repeated"}
    order = await desk.shown(placed)
    assert order["refunded"]["amount"] == 500
    assert len(await desk.given_back(placed)) == 1
    assert await desk.broken() == {}


async def test_a_refund_under_way_is_waited_for(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 500)
    made = await _made(desk, placed)
    await desk.receive_event("refund.created", {**made, "status": "pending"})
    assert (await _refund_row(desk))["gateway_id"] == made["id"]
    await desk.send_refunds()
    assert await desk.status(placed) == "partially_refunded"
    assert len(await desk.given_back(placed)) == 1


@pytest.mark.parametrize(
    ("amount", "shipped", "then"),
    [(None, False, "paid"), (500, False, "paid"), (None, True, "fulfilled"), (500, True, "fulfilled")],
)
async def test_a_refund_that_fails_in_the_end_is_owed_again(
    desk: Desk, amount: int | None, shipped: bool, then: str
) -> None:
    """Stripe: a bank may send a refund back after it was called succeeded."""
    placed = await desk.paid((await desk.stock(1), 1))
    if shipped:
        url = f"/api/checkout/admin/orders/{placed['number']}/fulfilments"
        shipment = await desk.client.post(url, headers={**ADMIN, "Idempotency-Key": str(uuid.uuid4())})
        assert shipment.status_code == 201
    await desk.refund(placed, amount)
    assert await desk.status(placed) == ("refunded" if amount is None else "partially_refunded")
    word = await _word(desk, "failed", failure_reason="lost_or_stolen_card")
    assert (await desk.receive_event("refund.failed", word)).json() == {"effect": "failed"}
    late = await _word(desk, "succeeded")
    assert (await desk.receive_event("refund.updated", late)).json() == {"effect": "repeated"}
    order = await desk.shown(placed)
    assert (order["status"], order["refunded"]["amount"]) == (then, 0)
    assert [refund["state"] for refund in order["refunds"]] == ["failed"]


async def test_a_failed_refund_of_a_cancelled_order_stays_due_and_can_be_made_again(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.cancel(placed)
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    await desk.receive_event("refund.failed", await _word(desk, "failed"))
    assert await desk.status(placed) == "refund_due"
    assert list(await desk.broken()) == ["money_due_is_on_its_way"]  # the operator is told
    await desk.sandbox.set_fault("create_refund", "reset", times=1)
    assert (await desk.refund(placed)).status_code == 201
    assert await desk.broken() == {}


async def test_one_of_two_refunds_that_fails_leaves_the_other(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.refund(placed, 500)
    word = await _word(desk, "failed")
    await desk.refund(placed, 990)
    assert await desk.status(placed) == "refunded"
    await desk.receive_event("refund.failed", word)
    order = await desk.shown(placed)
    assert (order["status"], order["refunded"]["amount"]) == ("partially_refunded", 990)
    assert await desk.broken() == {}


@pytest.mark.parametrize("changes", [{"amount": 499}, {"id": "re_other"}])
async def test_a_word_on_a_refund_that_does_not_fit_is_not_believed(
    desk: Desk, changes: dict[str, Any]
) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 500)
    made = await _made(desk, placed)
    await desk.receive_event("refund.created", {**made, "status": "pending"})
    word = await _word(desk, "succeeded", **changes)
    assert (await desk.receive_event("refund.updated", word)).json() == {"effect": "mismatch"}
    assert await desk.status(placed) == "paid"


async def test_a_refund_asked_for_again_days_later_is_not_made_twice(desk: Desk) -> None:
    """Stripe forgets keys after a day; here the gateway's memory of them is a key we no longer use."""
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 500)
    assert await desk.given_back(placed) == [500]
    await desk.owner.execute(
        "UPDATE checkout.refunds SET key_number = 7, created_at = now() - interval '2 days'"
    )
    await desk.send_refunds()
    assert await desk.given_back(placed) == [500]
    assert await desk.status(placed) == "partially_refunded"


async def test_a_refund_days_late_that_was_never_made_is_made(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "reset", times=1)
    await desk.refund(placed, 500)
    await desk.owner.execute("UPDATE checkout.refunds SET created_at = now() - interval '2 days'")
    await desk.send_refunds()
    assert await desk.given_back(placed) == [500]
    assert await desk.status(placed) == "partially_refunded"


async def test_a_refund_refused_because_it_was_made_is_known_as_made(desk: Desk) -> None:
    """The gateway has forgotten the key but not the money."""
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed)
    await desk.owner.execute("UPDATE checkout.refunds SET key_number = 7")
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    assert (await _refund_row(desk))["state"] == "succeeded"


async def test_a_refund_the_gateway_refuses_is_failed_and_its_amount_free_again(desk: Desk) -> None:
    """Somebody has given most of it back at the gateway itself."""
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.give_back(placed["payment"]["id"], placed["total"]["amount"] - 300)
    refunded = await desk.refund(placed, 500)
    assert (refunded.status_code, refunded.json()["state"]) == (201, "failed")
    order = await desk.shown(placed)
    assert (order["status"], order["refunded"]["amount"]) == ("paid", 0)
    assert (await desk.refund(placed, 300)).json()["state"] == "succeeded"


async def test_a_refund_and_a_cancellation_at_once_give_back_no_more_than_was_paid(desk: Desk) -> None:
    sku = await desk.stock(10)
    for _ in range(5):
        placed = await desk.paid((sku, 1))
        cancelled, *refunded = await asyncio.gather(
            desk.cancel(placed), desk.refund(placed, 700), desk.refund(placed)
        )
        assert cancelled.status_code in (200, 409)
        assert all(answer.status_code in (201, 409) for answer in refunded)
        await desk.send_refunds()
        assert sum(await desk.given_back(placed)) <= placed["total"]["amount"]
    assert await desk.broken() == {}


async def test_the_same_refund_sent_by_many_at_once_is_one(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "reset", times=1)
    refund_id = uuid.UUID((await desk.refund(placed, 500)).json()["id"])
    await asyncio.gather(*(refunds.send_refund(desk.checkout, refund_id) for _ in range(8)))
    await desk.send_refunds()
    assert await desk.given_back(placed) == [500]
    waiting = await desk.jobs("checkout.send_refund", refund_id)
    assert len([job for job in waiting if job["unique_key"]]) <= 1
    assert await desk.broken() == {}


@pytest.mark.parametrize("made", [True, False])
async def test_a_gateway_that_refuses_to_tell_has_said_nothing_of_a_refund(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """With another account's key it knows no payment of ours: 404 `resource_missing`."""
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply" if made else "reset", times=1)
    assert (await desk.refund(placed, 400)).json()["state"] == "pending"

    async def refuse(*_: Any, **__: Any) -> GatewayRefund:
        raise GatewayRefused(GatewayError(code="resource_missing", message="No such payment_intent"))

    with monkeypatch.context() as patch:
        patch.setattr(desk.checkout.gateway, "_call", refuse)
        for _ in range(3):
            await desk.send_refunds()
        assert (await _refund_row(desk))["state"] == "pending"
    await desk.send_refunds()
    assert await desk.given_back(placed) == [400]
    assert await desk.status(placed) == "partially_refunded"
    assert await desk.broken() == {}


async def test_a_refund_taken_for_failed_has_succeeded_when_the_gateway_says_so(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 400)
    made = await _made(desk, placed)
    row = await _refund_row(desk)
    settle = "SELECT checkout.settle_refund($1, NULL, NULL, 'failed', 'Refused')"
    assert await desk.owner.fetchval(settle, row["id"]) == "failed"
    under_way = {**made, "status": "pending"}
    assert (await desk.receive_event("refund.created", under_way)).json() == {"effect": "noted"}
    assert (await desk.shown(placed))["refunded"]["amount"] == 0
    assert (await desk.receive_event("refund.updated", made)).json() == {"effect": "succeeded"}
    assert (await desk.receive_event("refund.updated", made)).json() == {"effect": "repeated"}
    assert (await desk.shown(placed))["refunded"]["amount"] == 400
    assert await desk.status(placed) == "partially_refunded"
    assert await desk.broken() == {}


async def test_money_gone_twice_is_for_a_person_to_look_at(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A refund we took for failed was made, and meanwhile all is asked back once more."""
    placed = await desk.paid((await desk.stock(1), 1))
    await desk.sandbox.set_fault("create_refund", "lost_reply", times=1)
    await desk.refund(placed, 400)
    made, row = await _made(desk, placed), await _refund_row(desk)
    settle = "SELECT checkout.settle_refund($1, NULL, NULL, 'failed', 'Refused')"
    await desk.owner.fetchval(settle, row["id"])
    await desk.sandbox.set_fault("create_refund", "reset", times=None)
    assert (await desk.refund(placed)).json()["state"] == "pending"
    assert (await desk.receive_event("refund.updated", made)).json() == {"effect": "mismatch"}
    assert "a refund went wrong" in caplog.messages


async def test_the_same_refund_asked_for_a_week_later_gives_nothing_back_twice(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    url = f"/api/checkout/admin/orders/{placed['number']}/refunds"
    wish = {"amount": {"amount": 400, "currency": placed["total"]["currency"]}}
    answers = []
    for _ in range(2):
        headers = {**ADMIN, "Idempotency-Key": "goodwill"}
        answers.append((await desk.client.post(url, json=wish, headers=headers)).json())
        await desk.owner.execute(
            "UPDATE checkout.idempotency_keys SET created_at = created_at - interval '7 days'"
        )
        await sweep_all(desk.checkout.database)
    assert answers[0]["id"] == answers[1]["id"]
    assert await desk.given_back(placed) == [400]


async def test_amounts_no_one_can_refund_are_refused(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(1), 1))
    assert problem_of(await desk.refund(placed, 0)) == (422, "invalid")
    assert problem_of(await desk.refund(placed, -1)) == (422, "invalid")
    assert problem_of(await desk.refund(placed, 10**12)) == (409, "refund-too-large")
    assert problem_of(await desk.refund(placed, 10**30)) == (422, "invalid")
    assert await desk.status(placed) == "paid"
