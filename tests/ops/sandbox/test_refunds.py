"""Money given back by the official SDK, and never more than was taken."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import stripe

from tests.ops.sandbox.conftest import sdk_speaks_old_httpx

pytestmark = sdk_speaks_old_httpx


async def refunded_minor(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> int:
    assert isinstance(intent.latest_charge, str)
    return (await client.v1.charges.retrieve_async(intent.latest_charge)).amount_refunded


async def test_a_part_and_then_the_rest_is_given_back(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    part = await client.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 500, "metadata": {"refund": "R-1"}}
    )
    assert (part.status, part.amount, part.currency) == ("succeeded", 500, "eur")
    assert part.metadata is not None
    assert part.metadata.to_dict() == {"refund": "R-1"}
    rest = await client.v1.refunds.create_async(
        {"payment_intent": paid.id, "reason": "requested_by_customer"}
    )
    assert (rest.amount, rest.reason) == (1499, "requested_by_customer")
    assert await refunded_minor(client, paid) == 1999
    assert (await client.v1.refunds.retrieve_async(part.id)).amount == 500
    listed = await client.v1.refunds.list_async({"payment_intent": paid.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]


async def test_a_charge_is_given_back_by_its_own_name(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    assert isinstance(paid.latest_charge, str)
    refund = await client.v1.refunds.create_async({"charge": paid.latest_charge})
    assert (refund.amount, refund.payment_intent) == (1999, paid.id)


async def test_what_is_given_back_already_is_refused(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    await client.v1.refunds.create_async({"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"


async def test_more_than_was_taken_is_refused(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        await client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 2000})
    assert refused.value.param == "amount"
    assert await refunded_minor(client, paid) == 0


async def test_an_unpaid_intent_has_nothing_to_give_back(client: stripe.StripeClient) -> None:
    made = await client.v1.payment_intents.create_async({"amount": 100, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await client.v1.refunds.create_async({"payment_intent": made.id})


async def test_twenty_refunds_at_once_never_give_back_more_than_was_taken(
    client: stripe.StripeClient, raw: httpx.AsyncClient, paid: stripe.PaymentIntent
) -> None:
    form = {"payment_intent": paid.id, "amount": "300"}
    answers = await asyncio.gather(*(raw.post("/refunds", data=form) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [400] * 14
    assert await refunded_minor(client, paid) == 1800


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({}, None),
        ({"amount": "0"}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"reason": "because"}, "reason"),
        ({"payment_intent": "pi_no"}, "payment_intent"),
        ({"charge": "ch_no"}, "charge"),
    ],
)
async def test_a_refund_of_nothing_or_of_a_wrong_amount_is_refused(
    raw: httpx.AsyncClient, form: dict[str, str], param: str | None
) -> None:
    answer = await raw.post("/refunds", data=form)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"].get("param") == param
