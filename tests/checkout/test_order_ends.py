"""How orders end when things cross: cancelled twice, expired while paid, given back while called off."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.checkout.orders import orders
from services.checkout.payments import following
from tests.checkout.conftest import payments_take_long, problem_of, waits_briefly
from tests.checkout.desk import Desk, open_desk
from tests.checkout.stand import ADMIN
from tests.sandbox import RunningSandbox
from tests.store import wait_until_async


async def _free_shipping(desk: Desk) -> None:
    await desk.owner.execute("UPDATE checkout.shipping_rates SET price_minor = 0")


async def test_cancelling_a_paid_order_is_the_same_the_second_time(desk: Desk) -> None:
    sku = await desk.stock(3)
    placed = await desk.paid((sku, 1))
    answers = await asyncio.gather(*(desk.cancel(placed) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    await desk.send_refunds()
    again = await desk.cancel(placed)
    assert (again.status_code, again.json()["status"]) == (200, "refunded")
    assert await desk.given_back(placed) == [placed["total"]["amount"]]
    assert await desk.figures(sku) == (3, 0)


async def test_an_order_whose_refund_is_on_its_way_can_be_cancelled(desk: Desk) -> None:
    sku = await desk.stock(3)
    placed = await desk.paid((sku, 1))
    await desk.sandbox.set_fault("create_refund", "reset", times=None)
    assert (await desk.refund(placed)).status_code == 201
    assert await desk.status(placed) == "paid"
    answer = await desk.cancel(placed)
    assert (answer.status_code, answer.json()["status"]) == (200, "refund_due")
    await desk.sandbox.clear_faults()
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    assert await desk.given_back(placed) == [placed["total"]["amount"]]
    assert await desk.figures(sku) == (3, 0)


async def test_an_order_whose_money_is_on_its_way_back_is_not_sent(desk: Desk) -> None:
    placed = await desk.paid((await desk.stock(3), 1))
    await desk.sandbox.set_fault("create_refund", "reset", times=None)
    await desk.refund(placed, 400)
    url = f"/api/checkout/admin/orders/{placed['number']}/fulfilments"

    async def ship() -> httpx.Response:
        headers = {**ADMIN, "Idempotency-Key": str(uuid.uuid4())}
        return await desk.client.post(url, json={}, headers=headers)

    await desk.refund(placed)
    refused = await ship()
    assert problem_of(refused) == (409, "not-fulfillable")
    assert "on its way back" in refused.json()["detail"]
    row = await desk.owner.fetchrow("SELECT id FROM checkout.refunds ORDER BY amount_minor DESC LIMIT 1")
    assert row is not None
    settle = "SELECT checkout.settle_refund($1, NULL, NULL, 'failed', 'Refused')"
    await desk.owner.fetchval(settle, row["id"])
    assert (await ship()).status_code == 201


async def test_a_paid_order_called_off_gives_its_use_of_a_code_back(desk: Desk) -> None:
    sku, code = await desk.stock(3), await desk.discount(1)
    placed = await desk.ordered((sku, 1), code=code)
    await desk.pay(placed)
    await desk.poll(placed)
    assert await desk.uses(code) == 1
    for _ in range(2):
        assert (await desk.cancel(placed)).status_code == 200
        await desk.send_refunds()
    assert (await desk.status(placed), await desk.uses(code)) == ("refunded", 0)
    assert await desk.broken() == {}
    assert (await desk.order(await desk.cart((sku, 1), code=code))).status_code == 201


async def test_a_cart_that_was_changed_meanwhile_stays_the_shoppers(desk: Desk) -> None:
    """Its order had expired when the money came; what is in it now was not bought."""
    sku, other = await desk.stock(3), await desk.stock(3)
    placed = await desk.ordered((sku, 1))
    cart_id = (await desk.row(placed))["cart_id"]
    await desk.expire_unheard(placed)
    added = """
        INSERT INTO checkout.cart_lines (cart_id, sku, quantity, price_minor, slug, title, quoted_until)
        VALUES ($1, $2, 2, 500, 'plate', 'Plate', now() + interval '1 hour')"""
    await desk.owner.execute(added, cart_id, other)
    await desk.pay(placed)
    await desk.poll(placed)
    assert await desk.status(placed) == "paid"
    cart = (await desk.client.get(f"/api/checkout/carts/{cart_id}")).json()
    assert (len(cart["lines"]), cart["order_token"]) == (2, None)
    assert (await desk.figures(sku), await desk.broken()) == ((2, 0), {})


async def test_a_free_order_needs_no_gateway_and_can_be_cancelled(desk: Desk) -> None:
    await _free_shipping(desk)
    sku = await desk.stock(3)
    answer = await desk.order(await desk.cart((sku, 2), price_minor=0))
    placed = answer.json()
    assert (answer.status_code, placed["status"]) == (201, "paid")
    assert await desk.figures(sku) == (1, 0)
    assert problem_of(await desk.refund(placed)) == (409, "refund-too-large")
    assert problem_of(await desk.refund(placed, 1)) == (409, "refund-too-large")
    cancelled = await desk.cancel(placed)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert await desk.figures(sku) == (3, 0)
    assert await desk.broken() == {}


@pytest.mark.parametrize("end", ["cancel", "expire"])
async def test_an_order_ends_also_when_the_gateway_does_not_know_its_payment(desk: Desk, end: str) -> None:
    """Another account's key, or a sandbox that was emptied: the gateway answers 404."""
    sku = await desk.stock(1)
    placed = await desk.ordered((sku, 1))
    attempt_id = (await desk.row(placed))["attempt_id"]
    await desk.owner.execute(
        "UPDATE checkout.payment_attempts SET gateway_id = 'pi_gone' WHERE id = $1", attempt_id
    )
    await desk.poll(placed)
    assert await desk.jobs("checkout.poll_payment", attempt_id)
    if end == "cancel":
        answer = await desk.cancel(placed)
        assert answer.status_code == 200, answer.text
    else:
        await desk.expire(placed)
    assert await desk.status(placed) in ("cancelled", "expired")
    assert await desk.figures(sku) == (1, 0)
    await desk.poll(placed)
    assert await desk.jobs("checkout.poll_payment", attempt_id)  # it may only be a wrong key


@payments_take_long
@pytest.mark.parametrize("end", ["cancel", "expire"])
@pytest.mark.parametrize("method", ["pm_card_processing", "pm_card_threeDSecure2Required"])
async def test_an_order_that_ends_while_the_shopper_pays_is_not_paid(
    desk: Desk, end: str, method: str
) -> None:
    sku = await desk.stock(1)
    placed = await desk.ordered((sku, 1))
    await desk.pay(placed, method)
    await desk.poll(placed)
    assert (await desk.shown(placed))["payment"]["state"] == "requires_action"
    await (desk.cancel(placed) if end == "cancel" else desk.expire(placed))
    await desk.poll(placed)
    assert (await desk.row(placed))["closed"]
    assert await desk.figures(sku) == (1, 0)
    [intent] = [i for i in await desk.sandbox.intents() if i["id"] == placed["payment"]["id"]]
    assert (intent["status"], intent["amount_received"]) == ("canceled", 0)


async def _settled_at_the_gateway(desk: Desk, placed: dict[str, Any]) -> bool:
    [intent] = [i for i in await desk.sandbox.intents() if i["id"] == placed["payment"]["id"]]
    return bool(intent["status"] == "succeeded")


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_processing"])
async def test_money_that_comes_for_a_cancelled_order_goes_back(desk: Desk, method: str) -> None:
    """The gateway is not heard of while the order is cancelled, and takes the money."""
    sku = await desk.stock(1)
    placed = await desk.ordered((sku, 1))
    await desk.sandbox.set_fault("cancel_intent", "reset", times=None)
    assert (await desk.cancel(placed)).status_code == 200
    await desk.pay(placed, method)
    await wait_until_async(lambda: _settled_at_the_gateway(desk, placed), "the card is charged")
    await desk.sandbox.clear_faults()
    await desk.poll(placed)
    assert await desk.status(placed) == "refund_due"
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    assert await desk.given_back(placed) == [placed["total"]["amount"]]
    assert await desk.figures(sku) == (1, 0)
    assert (await desk.cancel(placed)).status_code == 200  # it is off already


async def test_the_way_to_pay_is_told_only_while_it_is_wanted(desk: Desk) -> None:
    sku = await desk.stock(2)
    cart_id = await desk.cart((sku, 1))
    placed = (await desk.order(cart_id, "same-key")).json()
    assert placed["payment"]["client_secret"]
    await desk.cancel(placed)
    replayed = (await desk.order(cart_id, "same-key")).json()
    assert (replayed["token"], replayed["status"]) == (placed["token"], "cancelled")
    assert replayed["payment"]["client_secret"] is None
    assert (await desk.shown(placed))["payment"]["client_secret"] is None


async def test_what_the_gateway_dislikes_of_us_is_not_told_to_the_shopper(desk: Desk) -> None:
    """More than any card pays: the gateway refuses to open the payment."""
    sku = await desk.stock(99)
    cart_id = await desk.cart((sku, 99), price_minor=10**9)
    placed = (await desk.order(cart_id)).json()
    assert placed["payment"]["state"] == "failed"
    assert placed["payment"]["message"] is None
    await desk.cancel(placed)
    assert await desk.status(placed) == "cancelled"
    assert await desk.broken() == {}


async def test_a_one_use_code_raced_100_times_is_used_once(desk: Desk) -> None:
    sku, code = await desk.stock(500), await desk.discount(uses_max=1)
    carts = [await desk.cart((sku, 1), code=code) for _ in range(100)]
    answers = await asyncio.gather(*(desk.order(cart) for cart in carts))
    refused = [problem_of(answer) for answer in answers if answer.status_code != 201]
    # Who waits for the row for too long is told to try again.
    assert set(refused) <= {(409, "discount-ended"), (503, "overloaded")}
    assert len(refused) == 99
    assert await desk.uses(code) == 1
    assert await desk.figures(sku) == (500, 1)


async def test_a_late_payment_counts_its_code_again(desk: Desk) -> None:
    sku, code = await desk.stock(5), await desk.discount(uses_max=1)
    placed = await desk.ordered((sku, 1), code=code)
    await desk.expire_unheard(placed)
    assert await desk.uses(code) == 0
    await desk.pay(placed)
    await desk.poll(placed)
    assert await desk.status(placed) == "paid"
    assert await desk.uses(code) == 1
    assert await desk.broken() == {}


async def test_a_late_payment_whose_code_is_used_up_goes_back(desk: Desk) -> None:
    sku, code = await desk.stock(5), await desk.discount(uses_max=1)
    placed = await desk.ordered((sku, 1), code=code)
    await desk.expire_unheard(placed)
    other = await desk.ordered((sku, 1), code=code)
    await desk.pay(placed)
    await desk.poll(placed)
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    assert await desk.status(other) == "pending_payment"
    assert await desk.uses(code) == 1
    assert await desk.figures(sku) == (5, 1)
    assert await desk.broken() == {}


async def test_a_late_payment_counts_although_its_code_is_gone(desk: Desk) -> None:
    sku, code = await desk.stock(5), await desk.discount(uses_max=1)
    placed = await desk.ordered((sku, 1), code=code)
    await desk.expire_unheard(placed)
    await desk.client.delete(f"/api/checkout/admin/discounts/{code}", headers=ADMIN)
    await desk.pay(placed)
    await desk.poll(placed)
    assert await desk.status(placed) == "paid"


async def test_paid_for_an_empty_shelf_gives_the_code_back(desk: Desk) -> None:
    sku, code = await desk.stock(1), await desk.discount(uses_max=1)
    placed = await desk.ordered((sku, 1), code=code)
    await desk.stock(0, sku)
    await desk.pay(placed)
    await desk.poll(placed)
    await desk.send_refunds()
    assert await desk.status(placed) == "refunded"
    assert await desk.uses(code) == 0
    assert await desk.broken() == {}


async def test_less_on_the_shelf_than_promised_serves_who_pays_first(desk: Desk) -> None:
    sku = await desk.stock(4)
    first, second = await desk.ordered((sku, 2)), await desk.ordered((sku, 2))
    await desk.stock(3, sku)
    assert (await desk.order(await desk.cart((sku, 1)))).status_code == 409
    await desk.pay(second)
    await desk.pay(first)
    await desk.poll(second)
    await desk.poll(first)
    await desk.send_refunds()
    assert (await desk.status(second), await desk.status(first)) == ("paid", "refunded")
    assert await desk.figures(sku) == (1, 0)
    assert await desk.broken() == {}


async def test_an_order_expired_too_early_is_expired_later(desk: Desk) -> None:
    """The clock of another database server, after a switch-over, may be behind."""
    placed = await desk.ordered((await desk.stock(1), 1))
    row = await desk.row(placed)
    await desk.owner.execute("DELETE FROM jobs.jobs WHERE actor = 'checkout.expire_order'")
    await orders.expire_order(desk.checkout, row["id"])
    assert await desk.status(placed) == "pending_payment"
    [job] = await desk.jobs("checkout.expire_order", row["id"])
    assert job["run_at"] == row["reserved_until"]


async def test_paying_and_cancelling_at_once_ends_in_one_of_both(desk: Desk) -> None:
    sku = await desk.stock(20)
    for _ in range(6):
        placed = await desk.ordered((sku, 1))
        await asyncio.gather(desk.pay(placed), desk.cancel(placed), desk.poll(placed), desk.expire(placed))
        await desk.poll(placed)
        await desk.send_refunds()
        assert await desk.status(placed) in ("cancelled", "refunded", "expired", "paid")
    assert await desk.broken() == {}


@waits_briefly
async def test_who_waits_too_long_for_an_article_is_told_to_come_again(desk: Desk) -> None:
    sku = await desk.stock(1)
    cart_id = await desk.cart((sku, 1))
    async with desk.owner.acquire() as busy, busy.transaction():
        await busy.execute("SELECT FROM checkout.stock_levels WHERE sku = $1 FOR UPDATE", sku)
        answer = await desk.order(cart_id, "key")
    assert problem_of(answer) == (503, "overloaded")
    assert answer.headers["retry-after"]
    assert (await desk.order(cart_id, "key")).status_code == 201


async def test_an_order_cut_short_by_its_statements_time_leaves_nothing(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox
) -> None:
    environment(**gateway.environment, DATABASE_URL=database_url, DATABASE_STATEMENT_TIMEOUT_SECONDS=2)
    async with open_desk(database_url, gateway) as desk:
        sku, code = await desk.stock(1), await desk.discount(uses_max=1)
        cart_id = await desk.cart((sku, 1), code=code)
        async with desk.owner.acquire() as busy, busy.transaction():
            await busy.execute("SELECT FROM checkout.stock_levels WHERE sku = $1 FOR UPDATE", sku)
            answer = await desk.order(cart_id, "key")
        assert problem_of(answer) == (503, "database-unavailable")
        assert answer.headers["retry-after"]
        assert await desk.owner.fetchval("SELECT count(*) FROM checkout.orders") == 0
        assert await desk.owner.fetchval("SELECT count(*) FROM checkout.idempotency_keys") == 0
        assert (await desk.uses(code), await desk.figures(sku)) == (0, (1, 0))
        assert (await desk.order(cart_id, "key")).status_code == 201
        assert await desk.broken() == {}


@waits_briefly
async def test_a_twin_at_work_is_waited_for_and_then_told(desk: Desk) -> None:
    sku = await desk.stock(1)
    cart_id = await desk.cart((sku, 1))
    async with desk.owner.acquire() as twin, twin.transaction():
        await twin.execute(
            "INSERT INTO checkout.idempotency_keys (scope, key, fingerprint, result_id) "
            "VALUES ('order', 'twin', '', '')"
        )
        answer = await desk.order(cart_id, "twin")
        await twin.execute("DELETE FROM checkout.idempotency_keys WHERE key = 'twin'")
    assert problem_of(answer) == (409, "in-flight")
    assert answer.headers["retry-after"] == "1"
    assert (await desk.order(cart_id, "twin")).status_code == 201


async def test_one_payment_is_followed_by_one_job(desk: Desk) -> None:
    placed = await desk.ordered((await desk.stock(1), 1))
    attempt_id = (await desk.row(placed))["attempt_id"]
    await desk.poll(placed)
    await desk.poll(placed)
    await desk.sandbox.set_fault("cancel_intent", "reset", times=None)
    await desk.expire(placed)
    assert len(await desk.jobs("checkout.poll_payment", attempt_id)) == 1


async def test_following_never_stops_while_the_gateway_is_away(desk: Desk) -> None:
    placed = await desk.ordered((await desk.stock(1), 1))
    attempt_id = (await desk.row(placed))["attempt_id"]
    await desk.sandbox.set_fault("*", "reset", times=None)
    for looks in (0, 10, 130, 1_000_000):
        await desk.owner.execute("DELETE FROM jobs.jobs WHERE actor = 'checkout.poll_payment'")
        await following.poll_payment(desk.checkout, attempt_id, looks)
        [job] = await desk.jobs("checkout.poll_payment", attempt_id)
        wait = (job["run_at"] - job["enqueued_at"]).total_seconds()
        assert 5 <= wait <= 3600


async def test_a_payment_that_is_not_opened_is_looked_at_more_often_than_one_that_is(desk: Desk) -> None:
    opened = await desk.ordered((await desk.stock(1), 1))
    await desk.sandbox.set_fault("*", "reset", times=None)
    unopened = await desk.ordered((await desk.stock(1), 1))
    waits = []
    for placed in (unopened, opened):
        attempt_id = (await desk.row(placed))["attempt_id"]
        await following.poll_payment(desk.checkout, attempt_id, 10)
        [job] = await desk.jobs("checkout.poll_payment", attempt_id)
        waits.append((job["run_at"] - job["enqueued_at"]).total_seconds())
    assert [round(wait) for wait in waits] == [15, 60]


async def test_a_code_made_anew_does_not_count_the_orders_of_the_old_one(desk: Desk) -> None:
    sku, code = await desk.stock(5), await desk.discount(uses_max=1)
    old = await desk.ordered((sku, 1), code=code)
    late = await desk.cart((sku, 1), code=code)
    await desk.client.delete(f"/api/checkout/admin/discounts/{code}", headers=ADMIN)
    await desk.client.put(
        f"/api/checkout/admin/discounts/{code}", json={"percent": 10, "uses_max": 1}, headers=ADMIN
    )
    new = await desk.ordered((sku, 1), code=code)
    await desk.expire_unheard(old)
    assert await desk.uses(code) == 1
    assert problem_of(await desk.order(late)) == (409, "discount-ended")
    await desk.pay(old)
    await desk.poll(old)
    assert (await desk.status(old), await desk.status(new)) == ("paid", "pending_payment")
    assert await desk.uses(code) == 1
    assert await desk.broken() == {}
