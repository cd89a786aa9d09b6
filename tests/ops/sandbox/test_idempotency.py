"""One key, one effect: as Stripe's API v1 promises, and with the traps it has."""

from __future__ import annotations

import asyncio
import uuid

import httpx
import pytest

from tests.ops.sandbox.conftest import api
from tests.sandbox import RunningSandbox

INTENT = {"amount": "1999", "currency": "eur"}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def test_the_same_request_is_answered_again_and_done_once(raw: httpx.AsyncClient) -> None:
    headers = key()
    first = await raw.post("/payment_intents", data=INTENT, headers=headers)
    again = await raw.post("/payment_intents", data=INTENT, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["request-id"] != first.headers["request-id"]


async def test_twenty_at_once_make_one(sandbox: RunningSandbox, raw: httpx.AsyncClient) -> None:
    before, headers = len(await sandbox.intents()), key()
    posts = (raw.post("/payment_intents", data=INTENT, headers=headers) for _ in range(20))
    answers = await asyncio.gather(*posts)
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(await sandbox.intents()) == before + 1


async def test_twenty_at_once_while_the_first_takes_its_time_make_one(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    before, headers = len(await sandbox.intents()), key()
    await sandbox.set_fault("create_intent", "slow", seconds=60)
    first = asyncio.create_task(raw.post("/payment_intents", data=INTENT, headers=headers, timeout=60))
    await sandbox.meets_its_faults()
    posts = (raw.post("/payment_intents", data=INTENT, headers=headers) for _ in range(19))
    answers = await asyncio.gather(*posts)
    assert [answer.status_code for answer in answers] == [409] * 19
    assert {answer.json()["error"]["code"] for answer in answers} == {"idempotency_key_in_use"}
    assert not first.done()
    await sandbox.clear_faults()
    assert (await first).status_code == 200
    assert len(await sandbox.intents()) == before + 1
    replayed = await raw.post("/payment_intents", data=INTENT, headers=headers)
    assert replayed.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("changed", [{"amount": "2000"}, {"metadata[order]": "K-2"}])
async def test_other_parameters_under_the_same_key_are_refused(
    raw: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    headers = key()
    await raw.post("/payment_intents", data=INTENT, headers=headers)
    answer = await raw.post("/payment_intents", data={**INTENT, **changed}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


async def test_another_endpoint_under_the_same_key_is_refused(raw: httpx.AsyncClient) -> None:
    headers = key()
    made = (await raw.post("/payment_intents", data=INTENT, headers=headers)).json()
    answer = await raw.post(f"/payment_intents/{made['id']}/cancel", headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


async def test_a_decline_is_kept(raw: httpx.AsyncClient) -> None:
    headers = key()
    form = {**INTENT, "confirm": "true", "payment_method": "pm_card_chargeDeclined"}
    first = await raw.post("/payment_intents", data=form, headers=headers)
    again = await raw.post("/payment_intents", data=form, headers=headers)
    assert (first.status_code, again.status_code) == (402, 402)
    assert again.content == first.content


async def test_a_refusal_by_state_is_kept(raw: httpx.AsyncClient) -> None:
    form = {**INTENT, "confirm": "true", "payment_method": "pm_card_visa"}
    paid = (await raw.post("/payment_intents", data=form)).json()
    headers, path = key(), f"/payment_intents/{paid['id']}/cancel"
    first = await raw.post(path, headers=headers)
    again = await raw.post(path, headers=headers)
    assert (first.status_code, again.status_code) == (400, 400)
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_wrong_parameter_is_not_kept(raw: httpx.AsyncClient) -> None:
    headers = key()
    wrong = await raw.post("/payment_intents", data={"amount": "1999"}, headers=headers)
    assert wrong.status_code == 400
    made = await raw.post("/payment_intents", data=INTENT, headers=headers)
    assert (made.status_code, "idempotent-replayed" in made.headers) == (200, False)


async def test_a_key_that_is_too_long_is_refused(raw: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k" * 256}
    assert (await raw.post("/payment_intents", data=INTENT, headers=headers)).status_code == 400


async def test_keys_are_kept_over_a_crash(own_sandbox: RunningSandbox) -> None:
    headers = key()
    async with api(own_sandbox) as before:
        first = await before.post("/payment_intents", data=INTENT, headers=headers)
    own_sandbox.restart()
    async with api(own_sandbox) as after:
        again = await after.post("/payment_intents", data=INTENT, headers=headers)
    assert again.content == first.content
    assert len(await own_sandbox.intents()) == 1
