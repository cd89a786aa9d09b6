"""A script that tries stolen cards or codes from many addresses meets what its tries have in common."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from services.checkout.limits.guesses import Guess, forgive_guess
from services.checkout.orders import orders
from services.limits.verbs import Window
from tests.checkout.conftest import problem_of
from tests.checkout.desk import NEW_ADDRESSES, Desk, open_desk, with_limits
from tests.checkout.stand import ready_cart
from tests.sandbox import RunningSandbox
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio

STOLEN, LOST, FUNDS = (
    "pm_card_chargeDeclinedStolenCard",
    "pm_card_chargeDeclinedLostCard",
    "pm_card_chargeDeclined",
)

_WAITING = """SELECT EXISTS (
  SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"""


LIMITS = {
    "DECLINES_PER_ORDER": 3,
    "DECLINES_PER_CARD": 3,
    "DECLINES_PER_EMAIL": 4,
    "DECLINES_PER_PRODUCT": 5,
    "EMAIL_ORDERS_PER_HOUR": 50,
}


@pytest.fixture
async def desk(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox
) -> AsyncIterator[Desk]:
    """Its limits are on; those by address are never met."""
    environment(**with_limits(database_url, gateway, **LIMITS))
    async with open_desk(database_url, gateway) as opened:
        yield opened


@pytest.fixture
async def gang(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox
) -> AsyncIterator[Desk]:
    """The same, met by who has more cards than there are for tests: each of these counts as many."""
    environment(**with_limits(database_url, gateway, **{**LIMITS, "DECLINES_PER_CARD": 100}))
    async with open_desk(database_url, gateway) as opened:
        yield opened


async def try_card(desk: Desk, sku: str, email: str, card: str) -> httpx.Response:
    """From an address never seen before: an order, and a card for it that is declined."""
    cart_id = await ready_cart(desk.owner, (sku, 1), email=email)
    headers = {"Idempotency-Key": str(uuid.uuid4()), "X-Forwarded-For": next(NEW_ADDRESSES)}
    answer = await desk.client.post(f"/api/checkout/carts/{cart_id}/order", headers=headers)
    if answer.status_code == 201:
        await desk.pay(answer.json(), card)
        await desk.poll(answer.json())
        await desk.poll(answer.json())  # the same decline, told twice
    return answer


def someone() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


async def refusals_of(desk: Desk, *, email: str | None, sku: str | None, tries: int = 12) -> list[str]:
    """What became of each of the tries; each with a mailbox or an article of its own where none is given."""
    found = []
    for _ in range(tries):
        answer = await try_card(desk, sku or await desk.stock(9), email or someone(), LOST)
        found.append("ordered" if answer.status_code == 201 else problem_of(answer)[1])
    return found


async def test_one_email_is_stopped_whatever_article_and_address(desk: Desk) -> None:
    found = await refusals_of(desk, email="eve@example.com", sku=None)
    assert found == ["ordered"] * 4 + ["too-many-declines"] * 8


async def test_one_article_is_stopped_whatever_email_and_address(gang: Desk) -> None:
    sku = await gang.stock(100)
    found = await refusals_of(gang, email=None, sku=sku)
    assert found == ["ordered"] * 5 + ["too-many-declines"] * 7
    answer = await try_card(gang, sku, someone(), LOST)
    assert answer.headers["RateLimit-Policy"] == '"product-declines";q=5;w=3600'
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    other = await try_card(gang, await gang.stock(1), someone(), LOST)
    assert other.status_code == 201, "other articles are still sold"


async def test_an_orders_declines_count_once_and_for_its_cheapest_article(gang: Desk) -> None:
    """So 17 orders of a hundred articles close none of them."""
    skus = [await gang.stock(9) for _ in range(4)]
    cheapest = max(skus)
    for _ in range(5):
        cart_id = await ready_cart(gang.owner, *((sku, 1) for sku in skus), email=someone())
        await gang.owner.execute(
            "UPDATE checkout.cart_lines SET price_minor = 100 WHERE cart_id = $1 AND sku = $2",
            cart_id,
            cheapest,
        )
        placed = (await gang.order(cart_id)).json()
        for card in (LOST, FUNDS):
            await gang.pay(placed, card)
            await gang.poll(placed)
    counted = "SELECT who, count FROM checkout.limit_counts WHERE rule = 'product-declines'"
    assert [tuple(row) for row in await gang.owner.fetch(counted)] == [(cheapest.lower(), 5)]
    closed = await try_card(gang, cheapest, someone(), LOST)
    assert problem_of(closed) == (429, "too-many-declines")
    assert [(await try_card(gang, sku, someone(), LOST)).status_code for sku in skus if sku != cheapest] == [
        201
    ] * 3


async def test_a_bestseller_is_sold_while_more_is_paid_for_it_than_declined(gang: Desk) -> None:
    sku = await gang.stock(100)
    assert await refusals_of(gang, email=None, sku=sku, tries=1) == ["ordered"]
    for _ in range(8):
        assert (await try_card(gang, sku, someone(), "pm_card_visa")).status_code == 201
    found = await refusals_of(gang, email=None, sku=sku)
    assert found == ["ordered"] * 7 + ["too-many-declines"] * 5


async def test_one_card_is_stopped_whatever_email_article_and_address(desk: Desk) -> None:
    """It gets no second try at an order, and the payment is closed at the gateway."""
    for n in range(5):
        sku = await desk.stock(1)
        answer = await try_card(desk, sku, someone(), STOLEN)
        placed = answer.json()
        row = await desk.row(placed)
        ended = await desk.owner.fetchval("SELECT $1::timestamptz <= now()", row["reserved_until"])
        assert ended == (n >= 2), n
        if ended:
            await orders.expire_order(desk.checkout, row["id"])
            assert await desk.status(placed) == "expired"
            refused = await desk.pay(placed, "pm_card_visa")
            assert "canceled" in refused["error"]["message"], refused
            assert await desk.figures(sku) == (1, 0)
    assert await desk.broken() == {}


async def test_one_dead_card_closes_no_article_to_others(desk: Desk) -> None:
    """Whoever has it orders with a new email from a new address each time; the card itself is known."""
    sku = await desk.stock(100)
    for _ in range(8):
        assert (await try_card(desk, sku, someone(), STOLEN)).status_code == 201
    counted = "SELECT count FROM checkout.limit_counts WHERE rule = 'product-declines'"
    assert await desk.owner.fetchval(counted) == 3, "as often as the card may be tried"
    assert (await try_card(desk, sku, someone(), "pm_card_visa")).status_code == 201


async def test_an_order_that_was_tried_too_often_is_over_and_its_cart_free(desk: Desk) -> None:
    sku = await desk.stock(1)
    placed = await desk.ordered((sku, 1))
    for card in (LOST, FUNDS, STOLEN):
        assert await desk.status(placed) == "pending_payment"
        await desk.pay(placed, card)
        await desk.poll(placed)
    row = await desk.row(placed)
    jobs = await desk.jobs("checkout.expire_order", row["id"])
    assert len(jobs) == 2, "the one for its usual end, and one for now"
    await orders.expire_order(desk.checkout, row["id"])
    assert await desk.status(placed) == "expired"
    assert await desk.figures(sku) == (1, 0)


async def test_who_is_declined_once_pays_with_the_next_card(desk: Desk) -> None:
    sku = await desk.stock(1)
    placed = await desk.ordered((sku, 1))
    await desk.pay(placed, LOST)
    await desk.poll(placed)
    await desk.pay(placed)
    await desk.poll(placed)
    assert await desk.status(placed) == "paid"


async def test_neither_email_nor_card_can_be_read_in_the_counters(desk: Desk) -> None:
    await try_card(desk, await desk.stock(1), "eve@example.com", STOLEN)
    rows = await desk.owner.fetch("SELECT rule, who, count FROM checkout.limit_counts")
    assert {row["rule"] for row in rows} == {
        "order-declines",
        "email-declines",
        "card-declines",
        "product-declines",
        "product-payments",
        "email-orders",
    }
    assert {row["count"] for row in rows if row["rule"] != "product-payments"} == {1}, (
        "a decline that is told twice is one"
    )
    assert not any("eve" in row["who"] for row in rows)


async def test_of_many_guesses_at_once_exactly_the_limit_is_looked_at(desk: Desk) -> None:
    cart_id = await desk.cart((await desk.stock(9), 1))
    guesses = (
        desk.client.put(
            f"/api/checkout/carts/{cart_id}/discount",
            json={"code": f"GUESS{n}"},
            headers={"X-Forwarded-For": next(NEW_ADDRESSES)},
        )
        for n in range(40)
    )
    found = Counter(problem_of(answer)[1] for answer in await asyncio.gather(*guesses))
    assert found == {"invalid": 10, "too-many-codes": 30}


async def test_guessing_codes_is_stopped_by_cart_and_by_address(desk: Desk) -> None:
    sku, code = await desk.stock(9), await desk.discount(None)

    async def guess(cart_id: str, text: str, address: str) -> str:
        answer = await desk.client.put(
            f"/api/checkout/carts/{cart_id}/discount",
            json={"code": text},
            headers={"X-Forwarded-For": address},
        )
        return "applied" if answer.status_code == 200 else problem_of(answer)[1]

    cart_id = await desk.cart((sku, 1))
    found = [await guess(cart_id, f"GUESS{n}", next(NEW_ADDRESSES)) for n in range(15)]
    assert found == ["invalid"] * 10 + ["too-many-codes"] * 5
    assert await guess(cart_id, code, next(NEW_ADDRESSES)) == "too-many-codes", "nor is a right one told then"

    one_address = next(NEW_ADDRESSES)
    carts = [await desk.cart((sku, 1)) for _ in range(5)]
    found = [await guess(carts[n % 5], f"GUESS{n}", one_address) for n in range(40)]
    assert found == ["invalid"] * 30 + ["too-many-codes"] * 10
    elsewhere = next(NEW_ADDRESSES)
    for _ in range(20):
        assert await guess(carts[0], code, elsewhere) == "applied", "a code that holds is no guess"


async def test_a_guess_is_given_back_in_the_order_in_which_tries_are_charged(desk: Desk) -> None:
    """Else a tab that charges and one that gives back could each wait for what the other has locked."""
    counters = [("cart-codes", "c1", Window(10, 600)), ("address-codes", "192.0.2.1", Window(30, 600))]
    for rule, who, window in counters:
        await desk.owner.execute(
            "SELECT checkout.add_to_limits(ARRAY[$1], ARRAY[$2], ARRAY[$3::int], 1)",
            rule,
            who,
            window.seconds,
        )
    locked = "SELECT FROM checkout.limit_counts WHERE rule = $1 FOR NO KEY UPDATE NOWAIT"
    async with desk.owner.acquire() as first, first.transaction():
        await first.execute(locked, "address-codes")  # the first of both
        giving_back = asyncio.create_task(forgive_guess(desk.checkout, Guess(tuple(counters))))

        async def waits() -> bool:
            return bool(await desk.owner.fetchval(_WAITING))

        await wait_until_async(waits, "the guess is being given back")
        await first.execute(locked, "cart-codes")
    await giving_back
    assert await desk.owner.fetch("SELECT FROM checkout.limit_counts WHERE count > 0") == []
