"""The steps of buying over the API, as a front-end developer's code would take them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.store import wait_until

DETAILS = {
    "email": "ada@example.com",
    "shipping_address": {
        "name": "Ada Lovelace",
        "line1": "12 Analytical Way",
        "city": "Berlin",
        "postal_code": "10115",
        "country": "DE",
    },
    "shipping_method": "standard",
}


def answer_of(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, f"{response.url}: {response.text[:500]}"
    return response.json()


def until(shopper: httpx.Client, path: str, good: Callable[[Any], bool], seconds: float = 30.0) -> Any:
    """The first good answer of a path that is asked again and again."""
    answers: list[Any] = []

    def is_good() -> bool:
        answers.append(answer_of(shopper.get(path)))
        return good(answers[-1])

    wait_until(is_good, f"a good answer of {path}", seconds)
    return answers[-1]


def filled_cart(shopper: httpx.Client, quantity: int = 1) -> dict[str, Any]:
    """A cart with something that is in stock, all details given."""
    listed = answer_of(shopper.get("/api/catalog/products", params={"in_stock": "true", "q": "lamp"}))[
        "items"
    ]
    product = answer_of(shopper.get(f"/api/catalog/products/{listed[0]['slug']}"))
    variant = next(v for v in product["variants"] if v["availability"] == "in_stock")
    cart = answer_of(shopper.post("/api/checkout/carts"), 201)
    path = f"/api/checkout/carts/{cart['id']}"
    answer_of(shopper.put(f"{path}/lines/{variant['sku']}", json={"quantity": quantity}))
    methods = answer_of(shopper.get(f"{path}/shipping-methods", params={"country": "DE"}))["items"]
    details = {**DETAILS, "shipping_method": methods[0]["code"]}
    filled: dict[str, Any] = answer_of(shopper.put(f"{path}/details", json=details))
    assert filled["totals"]["items"]["amount"] == quantity * variant["price"]["amount"]
    return filled


def order(shopper: httpx.Client, cart: dict[str, Any], key: str) -> httpx.Response:
    path = f"/api/checkout/carts/{cart['id']}/order"
    return shopper.post(
        path, headers={"Idempotency-Key": key}, json={"expected_total": cart["totals"]["total"]}
    )


def confirm(shopper: httpx.Client, payment: dict[str, Any], method: str) -> httpx.Response:
    form = {"payment_method": method, "client_secret": payment["client_secret"]}
    return shopper.post(f"/sandbox/v1/payment_intents/{payment['id']}/confirm", data=form)


def buy(shopper: httpx.Client) -> None:
    """The whole way, to the receipt in the mailbox."""
    cart, key = filled_cart(shopper, 2), str(uuid.uuid4())
    placed = answer_of(order(shopper, cart, key), 201)
    assert placed["total"] == cart["totals"]["total"]
    path = f"/api/checkout/orders/{placed['token']}"
    payment = until(shopper, path, lambda order: order["payment"]["state"] == "ready")["payment"]
    answer_of(confirm(shopper, payment, "pm_card_visa"))
    paid = until(shopper, path, lambda order: order["status"] == "paid")
    assert paid["number"] == placed["number"]
    again = answer_of(order(shopper, cart, key), 201)
    assert (again["token"], again["status"]) == (placed["token"], "paid")
    mails = "/mailbox/api/messages?to=ada@example.com"
    found = until(
        shopper, mails, lambda box: any(placed["number"] in mail["subject"] for mail in box["items"])
    )
    [mail] = [mail for mail in found["items"] if placed["number"] in mail["subject"]]
    for part in (mail["text"], mail["html"]):
        assert f"/orders/{placed['token']}" in part
