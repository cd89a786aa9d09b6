"""An order's page through its whole life, and the cart that it came from."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import asyncpg
import httpx
import msgspec
import pytest

from services.country_names import country_name
from services.storefront.checkout_client import Payment
from services.storefront.content_security import payment_policy
from services.storefront.formatting import countries_in_order
from services.storefront.languages import LANGUAGES, Language, speaking
from services.storefront.texts import text
from tests.storefront.conftest import CatalogDoor
from tests.storefront.test_cart import add, words
from tests.storefront.test_checkout import order


@pytest.fixture
async def placed(shopper: httpx.AsyncClient, mug: str) -> str:
    """The path of an order whose payment is still being prepared."""
    await add(shopper, mug, "2")
    return await order(shopper)


async def open_payment(owner: asyncpg.Connection) -> None:
    """The gateway has answered."""
    await owner.execute(
        "UPDATE checkout.payment_attempts "
        "SET state = 'ready', gateway_id = 'pi_1', client_secret = 'pi_1_secret_2'"
    )


async def settle(owner: asyncpg.Connection) -> None:
    """The gateway has the money."""
    await open_payment(owner)
    await owner.execute(
        "SELECT checkout.settle_payment(id, 'pi_1', amount_minor, currency) FROM checkout.payment_attempts"
    )


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>([^<]+)</h1>", page.text)
    assert found
    return found[1]


async def test_while_the_gateway_is_silent_the_page_waits(shopper: httpx.AsyncClient, placed: str) -> None:
    page = await shopper.get(placed)
    assert heading(page) == "Your order is placed"
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in page.text
    assert 'id="payment"' not in page.text
    answer = await shopper.get(placed + "/progress")
    assert answer.json() == {"mark": "PREPARING", "waiting": True}
    assert answer.headers["cache-control"] == "no-store"


async def test_an_order_is_nobody_elses_business(shopper: httpx.AsyncClient, placed: str) -> None:
    page = await shopper.get(placed)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert '<meta name="robots" content="noindex">' in page.text
    assert "canonical" not in page.text


async def test_the_card_is_asked_for_by_fields_that_no_form_can_send(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await open_payment(owner)
    page = await shopper.get(placed)
    assert heading(page) == "One step left: your payment"
    card = re.search(r'<form id="card".*?</form>', page.text, re.DOTALL)
    assert card
    assert "name=" not in card[0]
    assert "action=" not in card[0]
    assert set(re.findall(r'autocomplete="([\w-]+)"', card[0])) == {"cc-number", "cc-exp", "cc-csc"}
    assert "Paying needs JavaScript." in page.text
    assert 'data-client-secret="pi_1_secret_2"' in page.text
    assert "connect-src 'self' http://127.0.0.1:9" in page.headers["content-security-policy"]


async def test_a_declined_card_does_not_change_the_page_under_the_shoppers_hands(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await open_payment(owner)
    before = (await shopper.get(placed + "/progress")).json()
    await owner.execute(
        "UPDATE checkout.payment_attempts SET state = 'failed', message = 'Your card was <b>.'"
    )
    assert (await shopper.get(placed + "/progress")).json() == before
    assert "Your card was &lt;b&gt;." in (await shopper.get(placed)).text


async def test_a_payment_that_can_not_begin_is_said(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "UPDATE checkout.payment_attempts SET state = 'failed', message = 'Amount too small.'"
    )
    page = await shopper.get(placed)
    assert heading(page) == "The payment can’t begin"
    assert "Amount too small." in page.text


async def test_once_paid_the_order_thanks_and_a_new_cart_begins(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection, mug: str
) -> None:
    await settle(owner)
    page = await shopper.get(placed)
    assert heading(page) == "Thank you for your order"
    assert "The receipt goes to ada@example.com ." in words(page)
    dropped = page.headers.get_list("set-cookie")
    assert len(dropped) == 2
    assert all("Max-Age=0" in cookie for cookie in dropped)
    assert (await shopper.get(placed + "/progress")).json()["waiting"] is False
    assert "There is nothing in it yet." in (await shopper.get("/cart")).text
    await add(shopper, mug)
    assert "set-cookie" not in (await shopper.get(placed)).headers, "the new cart stays"


async def test_a_cart_that_was_paid_for_elsewhere_is_not_shown_again(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection, mug: str
) -> None:
    await settle(owner)
    assert "There is nothing in it yet." in (await shopper.get("/cart")).text
    await add(shopper, mug)
    assert 'name="quantity" value="1"' in (await shopper.get("/cart")).text


async def test_an_ordered_cart_waits_for_its_payment_and_can_be_opened_again(
    shopper: httpx.AsyncClient, placed: str, mug: str
) -> None:
    page = await shopper.get("/cart")
    assert f'href="{placed}">Pay for your order' in page.text
    assert 'action="/cart/quantity"' not in page.text
    refused = await add(shopper, mug)
    assert refused.status_code == 409
    assert "waiting for its payment" in refused.text
    for path, data in {
        "/cart/quantity": {"sku": mug, "quantity": "1"},
        "/cart/discount": {"code": "TEN"},
        "/cart/discount/remove": {"x": ""},
    }.items():
        assert (await shopper.post(path, data=data)).status_code == 409, path
    answer = await shopper.post(f"{placed}/cancel", data={"to": "cart"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cart")
    assert 'name="quantity" value="2"' in (await shopper.get("/cart")).text
    assert heading(await shopper.get(placed)) == "This order was cancelled"
    assert await order(shopper) != placed


async def test_changing_the_cart_does_not_cancel_what_was_paid_meanwhile(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await settle(owner)
    answer = await shopper.post(f"{placed}/cancel", data={"to": "cart"})
    assert answer.headers["location"] == placed
    assert await owner.fetchval("SELECT status FROM checkout.orders") == "paid"


async def test_cancelling_asks_first_and_looking_changes_nothing(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    page = await shopper.get(f"{placed}/cancel")
    assert "Nothing was paid yet" in page.text
    assert await owner.fetchval("SELECT status FROM checkout.orders") == "pending_payment"
    answer = await shopper.post(f"{placed}/cancel", data={"x": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, placed)
    assert await owner.fetchval("SELECT status FROM checkout.orders") == "cancelled"
    assert (await shopper.get(f"{placed}/cancel")).headers["location"] == placed
    assert (await shopper.post(f"{placed}/cancel", data={"x": ""})).headers["location"] == placed


async def test_a_paid_order_can_be_cancelled_and_tells_of_its_refund(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await settle(owner)
    assert "€34.90 goes back to you" in words(await shopper.get(f"{placed}/cancel"))
    await shopper.post(f"{placed}/cancel", data={"x": ""})
    page = await shopper.get(placed)
    assert "€34.90 is on its way to you" in words(page)
    assert "Cancel this order" not in page.text


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
async def test_who_cancels_a_paid_order_is_not_told_that_the_payment_came_too_late(
    language: Language, shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await settle(owner)
    await shopper.post(f"{placed}/cancel", data={"x": ""})
    page = await shopper.get(placed, headers={"Accept-Language": language.code})
    with speaking(language):
        assert heading(page) == text("stage.cancelled_paid.heading")
        assert text("stage.cancelled_paid.words") in words(page)
        assert text("order.looks_itself") in words(page)


async def test_a_payment_after_the_order_was_cancelled_came_too_late(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await shopper.post(f"{placed}/cancel", data={"x": ""})
    await settle(owner)
    assert heading(await shopper.get(placed)) == "Your payment came too late"


@pytest.mark.parametrize("becomes", ["succeeded", "failed"])
async def test_while_a_refund_is_under_way_the_page_looks_for_news_at_a_humane_pace(
    becomes: str, shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await settle(owner)
    await shopper.post(f"{placed}/cancel", data={"x": ""})
    page, progress = await shopper.get(placed), (await shopper.get(placed + "/progress")).json()
    assert progress["waiting"] is True
    assert f'data-mark="{progress["mark"]}" data-waiting="60"' in page.text
    assert '<noscript><meta http-equiv="refresh" content="60"></noscript>' in page.text
    await owner.execute(
        "SELECT checkout.settle_refund(id, 're_1', amount_minor, $1, '') FROM checkout.refunds", becomes
    )
    after = (await shopper.get(placed + "/progress")).json()
    assert after["mark"] != progress["mark"]
    assert after["waiting"] is False
    page = await shopper.get(placed)
    assert "data-waiting=" not in page.text
    assert "refresh" not in page.text


async def test_a_parcel_shows_its_tracking(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    await settle(owner)
    await owner.execute(
        """INSERT INTO checkout.fulfilments
             (id, order_id, position, carrier, tracking_number, tracking_url, lines, created_at)
           SELECT uuidv7(), id, 1, 'Post & Co', 'T<1>', 'https://track.example/?a=1&b=2',
                  '[{"sku": "SKU-mug", "quantity": 1}]', $1 FROM checkout.orders""",
        datetime(2026, 2, 3, 12, tzinfo=UTC),
    )
    page = await shopper.get(placed)
    assert heading(page) == "A part of your order is on its way"
    assert "Sent on 3 February 2026" in page.text
    assert "Post &amp; Co" in page.text
    assert 'href="https://track.example/?a=1&amp;b=2" rel="noreferrer external"' in page.text
    assert "1 × Mug" in words(page)  # noqa: RUF001  # a multiplication sign, as typeset


async def test_every_end_of_an_order_has_its_words(
    shopper: httpx.AsyncClient, placed: str, owner: asyncpg.Connection
) -> None:
    for status, says in {
        "fulfilled": "Your order is on its way",
        "expired": "This order has expired",
        "refunded": "This order was refunded",
        "partially_refunded": "A part of this order was refunded",
        "refund_due": "Your payment came too late",
    }.items():
        await owner.execute("UPDATE checkout.orders SET status = $1", status)
        assert heading(await shopper.get(placed)) == says
        assert (await shopper.get(placed + "/progress")).json()["waiting"] is False


async def test_an_order_nobody_knows_is_not_found(shopper: httpx.AsyncClient) -> None:
    for token in ("x" * 32, "short", "..%2F..%2Fhealth", "a%00b", "é" * 20):
        for rest in ("", "/progress", "/cancel"):
            assert (await shopper.get(f"/orders/{token}{rest}")).status_code == 404, token


@pytest.mark.parametrize("status", [503, 404])
async def test_with_checkout_away_the_order_answers_when_to_come_back(
    till: CatalogDoor, shopper: httpx.AsyncClient, placed: str, status: int
) -> None:
    till.closed, till.closed_with = {"/api/checkout/"}, status
    for path in (placed, placed + "/progress", placed + "/cancel"):
        assert (await shopper.get(path)).status_code == 503
    answer = await shopper.post(f"{placed}/cancel", data={"x": ""})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


def test_a_page_that_pays_may_reach_its_gateway_and_no_other() -> None:
    sandbox = Payment("sandbox", "ready", "pi", "s", "pk", "https://pay.example:8443/sandbox", None)
    policy = payment_policy(sandbox)
    assert "connect-src 'self' https://pay.example:8443;" in policy + ";"
    assert "script-src 'self';" in policy
    policy = payment_policy(msgspec.structs.replace(sandbox, provider="stripe"))
    assert "script-src 'self' https://js.stripe.com" in policy
    assert "connect-src 'self' https://api.stripe.com" in policy
    assert "https://hooks.stripe.com" in policy
    assert "frame-ancestors 'none'" in policy


def test_countries_are_listed_by_their_names() -> None:
    assert [code for code, _ in countries_in_order(["ZA", "DE", "AX"])] == ["AX", "DE", "ZA"]
    assert country_name("DE") == "Germany"
    assert country_name("XX") == "XX"
