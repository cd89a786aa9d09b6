"""Orders on real connections: once per key, never more than there is, paid by the gateway's word."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from ops.local.valkey import TemporaryValkey
from tests.checkout.stand import ADMIN, Stand, running_checkout
from tests.conftest import Databases
from tests.store import wait_until_async


@pytest.fixture(scope="module")
async def stand(databases: Databases, valkey: TemporaryValkey) -> AsyncIterator[Stand]:
    url = await databases.copy()
    async with running_checkout(url, valkey.url) as running:
        yield running
    await databases.drop(url)


def _sku() -> str:
    return f"S-{uuid.uuid4().hex[:10]}"


async def test_an_order_is_placed_paid_and_takes_its_stock(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 5)
    placed = await stand.ordered((sku, 2))
    assert placed["status"] == "pending_payment"
    assert placed["total"] == {"amount": 2490, "currency": "EUR"}
    assert placed["payment"]["state"] == "ready"
    assert await stand.figures(sku) == (5, 2)
    await stand.pay(placed)
    await stand.becomes(placed["token"], "paid")
    assert await stand.figures(sku) == (3, 0)
    order = (await stand.client.get(f"/api/checkout/orders/{placed['token']}")).json()
    assert order["payment"]["state"] == "settled"
    assert order["totals"]["tax"] == {"amount": 398, "currency": "EUR"}
    assert order["number"] == placed["number"]


async def test_the_same_request_20_times_at_once_is_one_order_and_one_charge(stand: Stand) -> None:
    sku, key = _sku(), str(uuid.uuid4())
    await stand.stock(sku, 50)
    cart_id = await stand.cart((sku, 1))
    answers = await asyncio.gather(*(stand.order(cart_id, key) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 20}
    tokens = {answer.json()["token"] for answer in answers}
    assert len(tokens) == 1
    assert await stand.figures(sku) == (50, 1)
    [token] = tokens
    placed = (await stand.order(cart_id, key)).json()
    await asyncio.gather(*(stand.pay(placed) for _ in range(5)))
    await stand.becomes(token, "paid")
    mine = [i for i in await stand.sandbox.intents() if i["metadata"]["order"] == placed["number"]]
    assert [intent["amount_received"] for intent in mine] == [placed["total"]["amount"]]
    assert await stand.figures(sku) == (49, 0)


async def test_50_buyers_for_10_units_are_10_orders(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 10)
    carts = [await stand.cart((sku, 1)) for _ in range(50)]
    answers = await asyncio.gather(*(stand.order(cart) for cart in carts))
    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 40}
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert all(body["type"] == "/problems/out-of-stock" and body["skus"] == [sku] for body in refused)
    assert await stand.figures(sku) == (10, 10)


async def test_two_articles_bought_in_opposite_order_do_not_deadlock(stand: Stand) -> None:
    one, other = _sku(), _sku()
    await stand.stock(one, 100)
    await stand.stock(other, 100)
    pairs = [((one, 1), (other, 1)), ((other, 1), (one, 1))] * 25
    carts = [await stand.cart(*pair) for pair in pairs]
    answers = await asyncio.gather(*(stand.order(cart) for cart in carts))
    assert Counter(answer.status_code for answer in answers) == {201: 50}
    assert await stand.figures(one) == await stand.figures(other) == (100, 50)


async def test_a_cart_is_ordered_once_whatever_the_key(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 5)
    cart_id = await stand.cart((sku, 1))
    first = (await stand.order(cart_id)).json()
    again = await stand.order(cart_id)
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/cart-already-ordered"
    assert again.json()["token"] == first["token"]


async def test_a_key_is_needed_and_belongs_to_one_request(stand: Stand) -> None:
    sku, key = _sku(), str(uuid.uuid4())
    await stand.stock(sku, 5)
    cart_id, other = await stand.cart((sku, 1)), await stand.cart((sku, 1))
    without = await stand.client.post(f"/api/checkout/carts/{cart_id}/order")
    assert without.status_code == 400
    assert without.json()["type"] == "/problems/idempotency-key-missing"
    assert (await stand.order(cart_id, key)).status_code == 201
    reused = await stand.order(other, key)
    assert reused.status_code == 422
    assert reused.json()["type"] == "/problems/idempotency-key-reused"


async def test_a_refused_order_leaves_its_key_and_its_cart_free(stand: Stand) -> None:
    sku, key = _sku(), str(uuid.uuid4())
    cart_id = await stand.cart((sku, 1))
    assert (await stand.order(cart_id, key)).status_code == 409
    await stand.stock(sku, 1)
    assert (await stand.order(cart_id, key)).status_code == 201


async def test_every_short_article_is_named(stand: Stand) -> None:
    short, gone, plenty = _sku(), _sku(), _sku()
    await stand.stock(short, 1)
    await stand.stock(plenty, 9)
    answer = await stand.order(await stand.cart((short, 2), (gone, 1), (plenty, 1)))
    assert sorted(answer.json()["skus"]) == sorted([short, gone])
    assert await stand.figures(plenty) == (9, 0)


async def test_an_unpaid_order_is_cancelled_and_its_cart_ordered_anew(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 1)
    cart_id = await stand.cart((sku, 1))
    placed = (await stand.order(cart_id)).json()
    cancelled = await stand.client.post(f"/api/checkout/orders/{placed['token']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert await stand.figures(sku) == (1, 0)
    declined = await stand.pay(placed)
    assert "error" in declined  # the gateway takes no money for it any more
    again = await stand.client.post(f"/api/checkout/orders/{placed['token']}/cancel")
    assert again.status_code == 200
    assert (await stand.order(cart_id)).status_code == 201


async def test_a_paid_order_is_cancelled_its_money_and_stock_return(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 3)
    placed = await stand.paid((sku, 2))
    answer = await stand.client.post(f"/api/checkout/orders/{placed['token']}/cancel")
    assert answer.status_code == 200
    await stand.becomes(placed["token"], "refunded")
    assert await stand.figures(sku) == (3, 0)
    order = (await stand.client.get(f"/api/checkout/orders/{placed['token']}")).json()
    assert order["refunded"] == order["total"]


async def test_a_declined_card_keeps_the_order_and_a_good_one_pays_it(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 1)
    placed = await stand.ordered((sku, 1))
    assert "error" in await stand.pay(placed, "pm_card_chargeDeclined")

    async def payment_failed() -> bool:
        order = (await stand.client.get(f"/api/checkout/orders/{placed['token']}")).json()
        return bool(order["payment"]["state"] == "failed" and order["payment"]["message"])

    await wait_until_async(payment_failed, "the decline is known")
    assert await stand.status(placed["token"]) == "pending_payment"
    await stand.pay(placed)
    await stand.becomes(placed["token"], "paid")


async def test_a_refund_raced_20_times_is_never_above_what_was_captured(stand: Stand) -> None:
    sku = _sku()
    await stand.stock(sku, 5)
    placed = await stand.paid((sku, 1))  # 14.90
    body = {"amount": {"amount": 400, "currency": "EUR"}}

    async def refund(key: str) -> int:
        url = f"/api/checkout/admin/orders/{placed['number']}/refunds"
        answer = await stand.client.post(url, json=body, headers={**ADMIN, "Idempotency-Key": key})
        return answer.status_code

    outcomes = Counter(await asyncio.gather(*(refund(str(uuid.uuid4())) for _ in range(20))))
    assert outcomes == {201: 3, 409: 17}
    await stand.becomes(placed["token"], "partially_refunded")
    key = str(uuid.uuid4())
    url = f"/api/checkout/admin/orders/{placed['number']}/refunds"
    rest = await stand.client.post(url, headers={**ADMIN, "Idempotency-Key": key})
    assert rest.json()["amount"] == {"amount": 290, "currency": "EUR"}
    assert (await stand.client.post(url, headers={**ADMIN, "Idempotency-Key": key})).json()[
        "id"
    ] == rest.json()["id"]
    await stand.becomes(placed["token"], "refunded")
    given_back = sum(
        r["amount"] for r in await stand.sandbox.refunds() if r["payment_intent"] == placed["payment"]["id"]
    )
    assert given_back == placed["total"]["amount"]


async def test_catalog_shows_what_can_still_be_bought(stand: Stand) -> None:
    sku = _sku()
    product_id = await stand.owner.fetchval(
        """INSERT INTO catalog.products (slug, title, title_key, brand, price_minor)
           VALUES (lower($1), $1, $1, 'Acme', 1000) RETURNING id""",
        sku,
    )
    await stand.owner.execute(
        "INSERT INTO catalog.variants (product_id, sku, price_minor) VALUES ($1, $2, 1000)", product_id, sku
    )

    async def shows(available: int) -> None:
        async def it_does() -> bool:
            shown = "SELECT available FROM catalog.variants WHERE sku = $1"
            return bool(await stand.owner.fetchval(shown, sku) == available)

        await wait_until_async(it_does, f"catalog shows {available}", 10)

    await stand.stock(sku, 3)
    await shows(3)
    placed = await stand.ordered((sku, 2))
    await shows(1)
    await stand.client.post(f"/api/checkout/orders/{placed['token']}/cancel")
    await shows(3)
    await stand.paid((sku, 3))
    await shows(0)
