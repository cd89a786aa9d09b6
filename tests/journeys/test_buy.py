"""Buying over the API; needs the store's sandbox gateway. BASE_URL names a running store."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.journeys.buying import answer_of, buy, confirm, filled_cart, order, until

pytestmark = pytest.mark.slow


@pytest.fixture
def shopper(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, trust_env=False, timeout=15) as client:
        if client.get("/sandbox").status_code != 200:
            pytest.skip("this store takes real money: no sandbox gateway at /sandbox")
        yield client


def test_a_shopper_buys_and_reads_the_receipt(shopper: httpx.Client) -> None:
    buy(shopper)


def test_a_declined_card_leaves_the_order_to_another(shopper: httpx.Client) -> None:
    placed = answer_of(order(shopper, filled_cart(shopper), str(uuid.uuid4())), 201)
    path = f"/api/checkout/orders/{placed['token']}"
    payment = until(shopper, path, lambda order: order["payment"]["state"] == "ready")["payment"]
    declined = answer_of(confirm(shopper, payment, "pm_card_chargeDeclinedInsufficientFunds"), 402)
    assert declined["error"]["decline_code"] == "insufficient_funds"
    failed = until(shopper, path, lambda order: order["payment"]["state"] == "failed")
    assert failed["status"] == "pending_payment"
    assert failed["payment"]["message"]
    answer_of(confirm(shopper, payment, "pm_card_visa"))
    until(shopper, path, lambda order: order["status"] == "paid")


def test_a_cancelled_order_frees_its_cart(shopper: httpx.Client) -> None:
    cart = filled_cart(shopper)
    placed = answer_of(order(shopper, cart, str(uuid.uuid4())), 201)
    second = order(shopper, cart, str(uuid.uuid4()))
    assert answer_of(second, 409)["token"] == placed["token"]
    assert answer_of(shopper.post(f"/api/checkout/orders/{placed['token']}/cancel"))["status"] == "cancelled"
    assert answer_of(shopper.get(f"/api/checkout/carts/{cart['id']}"))["order_token"] is None
    answer_of(order(shopper, cart, str(uuid.uuid4())), 201)
