"""The official SDK pays at the sandbox: only its address is ours."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import stripe

from tests.ops.sandbox.conftest import sdk, sdk_speaks_old_httpx
from tests.sandbox import RunningSandbox, plain_http

pytestmark = sdk_speaks_old_httpx

NEXT_YEAR = datetime.now(UTC).year + 1


async def create(client: stripe.StripeClient, amount: int = 1999) -> stripe.PaymentIntent:
    return await client.v1.payment_intents.create_async(
        {"amount": amount, "currency": "EUR", "metadata": {"order": "K-1", "attempt": "7"}}
    )


async def test_an_intent_is_made_confirmed_and_paid(client: stripe.StripeClient) -> None:
    made = await create(client)
    assert (made.status, made.amount, made.amount_received, made.currency) == (
        "requires_payment_method",
        1999,
        0,
        "eur",
    )
    assert made.metadata.to_dict() == {"order": "K-1", "attempt": "7"}
    paid = await client.v1.payment_intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.amount_received) == ("succeeded", 1999)
    read = await client.v1.payment_intents.retrieve_async(made.id, {"expand": ["latest_charge"]})
    assert isinstance(read.latest_charge, stripe.Charge)
    assert (read.latest_charge.paid, read.latest_charge.amount_captured) == (True, 1999)
    assert read.latest_charge.metadata.to_dict() == {"order": "K-1", "attempt": "7"}


async def test_an_intent_is_paid_while_it_is_made(paid: stripe.PaymentIntent) -> None:
    assert (paid.status, paid.amount_received) == ("succeeded", 1999)


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
async def test_a_declined_card_says_why_and_another_card_pays(
    client: stripe.StripeClient, method: str, code: str, decline_code: str
) -> None:
    made = await create(client)
    with pytest.raises(stripe.CardError) as declined:
        await client.v1.payment_intents.confirm_async(made.id, {"payment_method": method})
    error = declined.value.error
    assert error is not None
    assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    failed = await client.v1.payment_intents.retrieve_async(made.id)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == code
    assert failed.amount_received == 0
    paid = await client.v1.payment_intents.confirm_async(made.id, {"payment_method": "pm_card_mastercard"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


def typed(number: str, month: int = 12, year: int = NEXT_YEAR, cvc: str = "123") -> dict[str, str]:
    """A card as a browser sends it."""
    card = {"number": number, "exp_month": month, "exp_year": year, "cvc": cvc}
    return {"payment_method_data[type]": "card"} | {
        f"payment_method_data[card][{name}]": str(value) for name, value in card.items()
    }


async def confirm_typed(
    client: stripe.StripeClient, raw: httpx.AsyncClient, card: dict[str, str]
) -> dict[str, Any]:
    made = await create(client)
    answer = await raw.post(f"/payment_intents/{made.id}/confirm", data=card)
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "378282246310005"])
async def test_a_typed_card_pays(client: stripe.StripeClient, raw: httpx.AsyncClient, number: str) -> None:
    assert (await confirm_typed(client, raw, typed(number)))["status"] == "succeeded"


async def test_a_year_of_two_digits_is_of_this_century(
    client: stripe.StripeClient, raw: httpx.AsyncClient
) -> None:
    card = typed("4242424242424242", year=NEXT_YEAR - 2000)
    assert (await confirm_typed(client, raw, card))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (typed("4242424242424241"), "incorrect_number"),
        (typed("4242"), "incorrect_number"),
        (typed("no number at all"), "incorrect_number"),
        (typed("4242424242424242", month=13), "invalid_expiry_month"),
        (typed("4242424242424242", year=2020), "invalid_expiry_year"),
        (typed("4242424242424242", year=NEXT_YEAR + 80), "invalid_expiry_year"),
        (typed("4242424242424242", cvc="12"), "invalid_cvc"),
        (typed("4000000000000002"), "card_declined"),
        (typed("4111111111111111"), "card_declined"),  # a good number, but no test card
    ],
)
async def test_a_typed_card_that_cannot_pay_is_refused_with_its_reason(
    client: stripe.StripeClient, raw: httpx.AsyncClient, card: dict[str, str], code: str
) -> None:
    error = (await confirm_typed(client, raw, card))["error"]
    assert (error["type"], error["code"]) == ("card_error", code)


async def test_confirming_a_paid_intent_is_refused_with_the_intent(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.confirm_async(paid.id, {"payment_method": "pm_card_visa"})
    error = refused.value.error
    assert error is not None
    assert error.code == "payment_intent_unexpected_state"
    assert error.payment_intent is not None
    assert error.payment_intent.status == "succeeded"


async def test_confirming_without_a_card_is_refused(client: stripe.StripeClient) -> None:
    made = await create(client)
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await client.v1.payment_intents.confirm_async(made.id)


async def test_twenty_confirmations_at_once_charge_once(
    client: stripe.StripeClient, raw: httpx.AsyncClient
) -> None:
    made = await create(client)
    path, form = f"/payment_intents/{made.id}/confirm", {"payment_method": "pm_card_visa"}
    answers = await asyncio.gather(*(raw.post(path, data=form) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    charges = await client.v1.charges.list_async({"payment_intent": made.id})
    assert [charge.paid for charge in charges.data] == [True]


async def test_a_canceled_intent_can_no_longer_be_paid(client: stripe.StripeClient) -> None:
    made = await create(client)
    canceled = await client.v1.payment_intents.cancel_async(made.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at is not None
    with pytest.raises(stripe.InvalidRequestError, match="it was canceled"):
        await client.v1.payment_intents.confirm_async(made.id, {"payment_method": "pm_card_visa"})


async def test_a_paid_intent_is_not_canceled(client: stripe.StripeClient, paid: stripe.PaymentIntent) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.cancel_async(paid.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert (await client.v1.payment_intents.retrieve_async(paid.id)).status == "succeeded"


async def test_lists_are_walked_newest_first(client: stripe.StripeClient) -> None:
    made = [(await create(client, amount)).id for amount in range(100, 107)]
    first = await client.v1.payment_intents.list_async({"limit": 3})
    walked = [intent.id async for intent in first.auto_paging_iter()]
    assert walked[:7] == made[::-1]
    assert len(set(walked)) == len(walked)
    soon = int(datetime.now(UTC).timestamp()) + 1000
    later = await client.v1.payment_intents.list_async({"created": {"gte": soon}})
    assert (later.data, later.has_more) == ([], False)


@pytest.mark.parametrize(
    ("form", "code", "param"),
    [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": "100"}, "parameter_missing", "currency"),
        ({"amount": "many", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-5", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "eur"}, "parameter_invalid_empty", "amount"),
        ({"amount": "100", "currency": "euro"}, None, "currency"),
        ({"amount": "100", "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "100", "currency": "eur", "capture_method": "manual"}, None, "capture_method"),
        (
            {"amount": "100", "currency": "eur", "payment_method": "pm_none"},
            "resource_missing",
            "payment_method",
        ),
        (
            {"amount": "100", "currency": "eur", "payment_method_data[type]": "card"},
            "parameter_missing",
            "payment_method_data[card]",
        ),
    ],
)
async def test_a_wrong_parameter_is_named(
    raw: httpx.AsyncClient, form: dict[str, str], code: str | None, param: str
) -> None:
    answer = await raw.post("/payment_intents", data=form)
    error = answer.json()["error"]
    assert (error["type"], error.get("code"), error["param"]) == ("invalid_request_error", code, param)
    assert answer.status_code == (404 if code == "resource_missing" else 400)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe=1",
        b"amount[a]=1&amount=2&amount[b]=3",
        b"key[a]=1",
        b"client_secret[]=1",
        b"&".join([b"a=1"] * 300),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(raw: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await raw.post("/payment_intents", content=body, headers=headers)).status_code == 400


async def test_metadata_keeps_its_names_whatever_they_are(raw: httpx.AsyncClient) -> None:
    form = {"amount": "100", "currency": "eur", "metadata[0]": "zero", "metadata[öl]": "ä&=[]"}
    made = (await raw.post("/payment_intents", data=form)).json()
    assert made["metadata"] == {"0": "zero", "öl": "ä&=[]"}


@pytest.mark.parametrize(
    "path", ["/payment_intents/pi_no", "/charges/ch_no", "/refunds/re_no", "/events/evt_no"]
)
async def test_what_does_not_exist_is_missing(raw: httpx.AsyncClient, path: str) -> None:
    answer = await raw.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


async def test_an_unknown_path_is_told_in_the_same_language(raw: httpx.AsyncClient) -> None:
    answer = await raw.get("/customers")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_an_unknown_key_is_refused(sandbox: RunningSandbox) -> None:
    async with sdk(sandbox, "sk_test_someone_else") as stranger:
        with pytest.raises(stripe.AuthenticationError):
            await create(stranger)


async def test_the_publishable_key_makes_nothing(sandbox: RunningSandbox) -> None:
    async with sdk(sandbox, sandbox.publishable_key) as browser:
        with pytest.raises(stripe.PermissionError):
            await create(browser)


async def test_without_a_key_nothing_is_made_or_seen(
    sandbox: RunningSandbox, paid: stripe.PaymentIntent
) -> None:
    async with plain_http(sandbox.url) as nobody:
        for path in ("", f"/{paid.id}"):
            assert (await nobody.get(f"/v1/payment_intents{path}")).status_code == 401
        basic = (sandbox.secret_key, "")
        assert (await nobody.get(f"/v1/payment_intents/{paid.id}", auth=basic)).status_code == 200
