"""What a shopper's browser may do with an intent's client secret, and what it may not."""

from __future__ import annotations

import pytest
import stripe

from tests.ops.sandbox.conftest import sdk_speaks_old_httpx
from tests.sandbox import RunningSandbox, plain_http

pytestmark = sdk_speaks_old_httpx


@pytest.fixture
async def made(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {"amount": 500, "currency": "eur", "metadata": {"order": "K-1"}}
    )


def secret_of(intent: stripe.PaymentIntent) -> str:
    assert intent.client_secret is not None
    return intent.client_secret


async def test_the_client_secret_alone_confirms(sandbox: RunningSandbox, made: stripe.PaymentIntent) -> None:
    answer = await sandbox.confirm(made.id, secret_of(made))
    assert (answer["status"], answer["id"]) == ("succeeded", made.id)
    assert "metadata" not in answer


async def test_a_decline_shows_the_browser_no_more_than_a_success(
    sandbox: RunningSandbox, made: stripe.PaymentIntent
) -> None:
    answer = await sandbox.confirm(made.id, secret_of(made), "pm_card_chargeDeclined")
    assert answer["error"]["code"] == "card_declined"
    assert answer["error"]["payment_intent"]["status"] == "requires_payment_method"
    assert "metadata" not in answer["error"]["payment_intent"]


async def test_another_intents_secret_is_refused(
    sandbox: RunningSandbox, client: stripe.StripeClient, made: stripe.PaymentIntent
) -> None:
    other = await client.v1.payment_intents.create_async({"amount": 500, "currency": "eur"})
    for wrong in (secret_of(other), secret_of(made)[:-1], "x"):
        answer = await sandbox.confirm(made.id, wrong)
        assert answer["error"]["param"] == "client_secret"
    assert (await client.v1.payment_intents.retrieve_async(made.id)).status == "requires_payment_method"


@pytest.mark.parametrize("how", ["parameter", "header"])
async def test_the_publishable_key_may_come_along(
    sandbox: RunningSandbox, made: stripe.PaymentIntent, how: str
) -> None:
    key = sandbox.publishable_key
    parameters = {"client_secret": secret_of(made), **({"key": key} if how == "parameter" else {})}
    headers = {"Authorization": f"Bearer {key}"} if how == "header" else {}
    async with plain_http(sandbox.url, headers) as browser:
        seen = await browser.get(f"/v1/payment_intents/{made.id}", params=parameters)
        assert (seen.status_code, seen.json()["id"]) == (200, made.id)
        parameters["client_secret"] = "guessed"
        assert (await browser.get(f"/v1/payment_intents/{made.id}", params=parameters)).status_code == 400


async def test_a_client_secret_opens_nothing_but_its_intent(
    sandbox: RunningSandbox, made: stripe.PaymentIntent
) -> None:
    form = {"client_secret": secret_of(made)}
    async with plain_http(f"{sandbox.url}/v1") as browser:
        assert (await browser.post(f"/payment_intents/{made.id}/cancel", data=form)).status_code == 401
        assert (await browser.post("/refunds", data={**form, "payment_intent": made.id})).status_code == 401
        assert (await browser.get("/payment_intents", params=form)).status_code == 401


async def test_a_page_of_another_origin_may_confirm(
    sandbox: RunningSandbox, made: stripe.PaymentIntent
) -> None:
    """As with Stripe itself, whose address is never the shop's."""
    async with plain_http(headers={"Origin": "http://shop.example"}) as browser:
        answer = await browser.post(
            f"{sandbox.url}/v1/payment_intents/{made.id}/confirm",
            data={"payment_method": "pm_card_visa", "client_secret": secret_of(made)},
        )
    assert answer.headers["access-control-allow-origin"] == "*"
