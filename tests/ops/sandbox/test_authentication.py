"""3-D Secure: the bank's page, its two buttons, and where it leads."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.sandbox import RunningSandbox, plain_http

BACK = "http://shop.example/orders/abc?from=bank#pay"


async def waiting(
    raw: httpx.AsyncClient, method: str = "pm_card_threeDSecure2Required", return_url: str | None = BACK
) -> dict[str, Any]:
    """An intent that waits for the shopper."""
    form = {"amount": "4200", "currency": "eur", "payment_method": method, "confirm": "true"}
    form |= {"return_url": return_url} if return_url is not None else {}
    intent: dict[str, Any] = (await raw.post("/payment_intents", data=form)).json()
    assert intent["status"] == "requires_action"
    return intent


async def state_of(raw: httpx.AsyncClient, intent: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = (await raw.get(f"/payment_intents/{intent['id']}")).json()
    return read


def page_of(intent: dict[str, Any]) -> str:
    assert intent["next_action"]["type"] == "redirect_to_url"
    return str(intent["next_action"]["redirect_to_url"]["url"])


@pytest.mark.parametrize("number", ["4000002760003184", "4000002500003155"])
async def test_a_typed_card_may_ask_for_the_shopper(raw: httpx.AsyncClient, number: str) -> None:
    card = {"number": number, "exp_month": "12", "exp_year": "40"}
    form = {"amount": "100", "currency": "eur", "confirm": "true", "payment_method_data[type]": "card"}
    form |= {f"payment_method_data[card][{name}]": value for name, value in card.items()}
    assert (await raw.post("/payment_intents", data=form)).json()["status"] == "requires_action"


async def test_completing_pays_and_leads_back(sandbox: RunningSandbox, raw: httpx.AsyncClient) -> None:
    intent = await waiting(raw)
    back = urlsplit(await sandbox.complete_authentication(intent))
    assert (back.netloc, back.path, back.fragment) == ("shop.example", "/orders/abc", "pay")
    assert parse_qs(back.query) == {
        "from": ["bank"],
        "payment_intent": [intent["id"]],
        "payment_intent_client_secret": [intent["client_secret"]],
        "redirect_status": ["succeeded"],
    }
    paid = await state_of(raw, intent)
    assert (paid["status"], paid["amount_received"], paid["next_action"]) == ("succeeded", 4200, None)


async def test_failing_takes_nothing_and_another_card_pays(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    intent = await waiting(raw)
    back = await sandbox.complete_authentication(intent, "fail")
    assert parse_qs(urlsplit(back).query)["redirect_status"] == ["failed"]
    failed = await state_of(raw, intent)
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert failed["amount_received"] == 0
    assert (await sandbox.confirm(intent["id"], intent["client_secret"]))["status"] == "succeeded"


async def test_a_card_may_be_declined_after_the_bank_agreed(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    intent = await waiting(raw, "pm_card_threeDSecureRequiredChargeDeclined")
    back = await sandbox.complete_authentication(intent)
    assert parse_qs(urlsplit(back).query)["redirect_status"] == ["failed"]
    declined = await state_of(raw, intent)
    assert declined["last_payment_error"]["code"] == "card_declined"


async def test_pressing_twice_at_once_charges_once(sandbox: RunningSandbox, raw: httpx.AsyncClient) -> None:
    intent = await waiting(raw)
    backs = await asyncio.gather(*(sandbox.complete_authentication(intent) for _ in range(5)))
    assert len(set(backs)) == 1
    charges = (await raw.get("/charges", params={"payment_intent": intent["id"]})).json()["data"]
    assert [charge["status"] for charge in charges] == ["succeeded"]


@pytest.mark.parametrize("what", ["cancel", "confirm"])
async def test_a_page_that_the_payment_no_longer_waits_for_changes_nothing(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, what: str
) -> None:
    intent = await waiting(raw)
    form = {"payment_method": "pm_card_threeDSecure2Required"} if what == "confirm" else {}
    after = (await raw.post(f"/payment_intents/{intent['id']}/{what}", data=form)).json()
    await sandbox.complete_authentication(intent)
    assert await state_of(raw, intent) == after


async def test_the_page_works_without_scripts_and_may_lead_to_the_shop(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    intent = await waiting(raw)
    async with plain_http() as browser:
        page = await browser.get(page_of(intent))
    assert "42.00 EUR" in page.text
    assert '<form method="post">' in page.text
    assert "<script" not in page.text
    assert "form-action 'self' http://shop.example" in page.headers["content-security-policy"]


async def test_without_a_return_address_the_page_says_that_it_is_done(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    intent = await waiting(raw, return_url=None)
    assert await sandbox.complete_authentication(intent) == ""
    assert (await state_of(raw, intent))["status"] == "succeeded"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "/orders/abc", "nowhere"])
async def test_a_return_address_that_is_none_is_refused(raw: httpx.AsyncClient, address: str) -> None:
    form = {"amount": "100", "currency": "eur", "confirm": "true", "return_url": address}
    form["payment_method"] = "pm_card_visa"
    answer = await raw.post("/payment_intents", data=form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "url_invalid")


async def test_a_wrong_answer_or_page_changes_nothing(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    intent = await waiting(raw)
    async with plain_http() as browser:
        assert (await browser.post(page_of(intent), data={"outcome": "maybe"})).status_code == 400
        assert (await browser.post(f"{sandbox.url}/authenticate/auth_no")).status_code == 404
        assert (await browser.get(f"{sandbox.url}/authenticate/auth_no")).status_code == 404
    assert (await state_of(raw, intent))["status"] == "requires_action"
