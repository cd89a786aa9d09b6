"""Each way in which the gateway can be told to fail, and what has then happened."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.sandbox import RunningSandbox, plain_http
from tests.store import wait_until_async

INTENT = {"amount": "1999", "currency": "eur"}


async def make(raw: httpx.AsyncClient, headers: dict[str, str] | None = None, **extra: Any) -> httpx.Response:
    return await raw.post("/payment_intents", data=INTENT, headers=headers, **extra)


async def leave_unanswered(sandbox: RunningSandbox, raw: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Has a call meet its fault, waits a little for an answer, and goes."""
    call = asyncio.create_task(make(raw, headers, timeout=60))
    await sandbox.meets_its_faults()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.2)


async def make_when_free(raw: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    """As soon as the one before with this key is over, or the sandbox has noticed that it was left."""
    answers: list[httpx.Response] = []

    async def is_answered() -> bool:
        answers.append(await make(raw, headers))
        return answers[-1].status_code != 409

    await wait_until_async(is_answered, "the key is free")
    return answers[-1]


@pytest.fixture
async def before(sandbox: RunningSandbox) -> int:
    """How many intents there are."""
    return len(await sandbox.intents())


async def made_since(sandbox: RunningSandbox, before: int) -> int:
    return len(await sandbox.intents()) - before


@pytest.mark.parametrize("mode", ["lost_reply", "reset"])
async def test_the_line_is_cut_after_or_before_the_effect(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int, mode: str
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", mode)
    with pytest.raises(httpx.TransportError):
        await make(raw, headers)
    assert await made_since(sandbox, before) == (1 if mode == "lost_reply" else 0)
    again = await make(raw, headers)
    assert again.status_code == 200
    assert ("idempotent-replayed" in again.headers) == (mode == "lost_reply")
    assert await made_since(sandbox, before) == 1


async def test_a_lost_confirmation_has_charged(sandbox: RunningSandbox, raw: httpx.AsyncClient) -> None:
    intent = (await make(raw)).json()
    await sandbox.set_fault("confirm_intent", "lost_reply")
    with pytest.raises(httpx.TransportError):
        await sandbox.confirm(intent["id"], intent["client_secret"])
    assert (await raw.get(f"/payment_intents/{intent['id']}")).json()["status"] == "succeeded"


async def test_a_500_before_the_effect_is_not_kept(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", "error_500")
    failed = await make(raw, headers)
    assert (failed.status_code, failed.json()["error"]["type"]) == (500, "api_error")
    assert await made_since(sandbox, before) == 0
    assert (await make(raw, headers)).status_code == 200


async def test_a_stored_500_has_its_effect_and_stays_a_500(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", "stored_500")
    answers = [await make(raw, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert ["idempotent-replayed" in answer.headers for answer in answers] == [False, True, True]
    assert await made_since(sandbox, before) == 1


async def test_a_rate_limit_keeps_nothing(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", "rate_limited", times=2)
    answers = [await make(raw, headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert await made_since(sandbox, before) == 1


async def test_a_slow_answer_comes_though_nobody_waits_for_it(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", "slow", seconds=60)
    await leave_unanswered(sandbox, raw, headers)
    busy = await make(raw, headers)
    assert busy.json()["error"]["code"] == "idempotency_key_in_use"
    await sandbox.clear_faults()
    again = await make_when_free(raw, headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert await made_since(sandbox, before) == 1


async def test_a_hanging_call_does_nothing_and_lets_go_of_its_key(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, before: int
) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    await sandbox.set_fault("create_intent", "hang")
    await leave_unanswered(sandbox, raw, headers)
    assert await made_since(sandbox, before) == 0
    again = await make_when_free(raw, headers)
    assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("retrieve_intent", "GET", "/payment_intents/pi_any"),
        ("cancel_intent", "POST", "/payment_intents/pi_any/cancel"),
        ("confirm_intent", "POST", "/payment_intents/pi_any/confirm"),
        ("create_refund", "POST", "/refunds"),
        ("list_events", "GET", "/events"),
        ("*", "GET", "/charges"),
    ],
)
async def test_a_fault_meets_its_operation_as_often_as_told(
    sandbox: RunningSandbox, raw: httpx.AsyncClient, operation: str, method: str, path: str
) -> None:
    await sandbox.set_fault(operation, "error_500", times=2)
    statuses = [(await raw.request(method, path)).status_code for _ in range(3)]
    assert statuses[:2] == [500, 500]
    assert statuses[2] < 500
    if operation != "*":
        await sandbox.set_fault(operation, "error_500")
        assert (await raw.get("/refunds")).status_code == 200


async def test_a_fault_without_a_number_lasts_until_it_is_cleared(
    sandbox: RunningSandbox, raw: httpx.AsyncClient
) -> None:
    await sandbox.set_fault("*", "error_500", times=None)
    assert [(await raw.get("/events")).status_code for _ in range(3)] == [500] * 3
    async with plain_http(sandbox.url) as tester:
        [fault] = (await tester.get("/faults")).json()["items"]
        assert (fault["operation"], fault["mode"], fault["times"]) == ("*", "error_500", None)
        assert "*: error_500" in (await tester.get(sandbox.url)).text
    await sandbox.clear_faults()
    assert (await raw.get("/events")).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "create_intent", "mode": "explode"},
        {"operation": "make_coffee", "mode": "hang"},
        {"operation": "create_intent", "mode": "drop"},
        {"operation": "webhook", "mode": "hang"},
        {"operation": "webhook", "mode": "drop", "times": 0},
        {"operation": "webhook", "mode": "drop", "often": 3},
        {"mode": "hang"},
        [],
    ],
)
async def test_a_fault_that_cannot_be_played_is_refused(sandbox: RunningSandbox, fault: Any) -> None:
    async with plain_http(sandbox.url) as tester:
        assert (await tester.post("/faults", json=fault)).status_code == 422
        assert (await tester.get("/faults")).json() == {"items": []}


async def test_a_page_of_another_site_cannot_set_a_fault(sandbox: RunningSandbox) -> None:
    """A form can send text unasked, but not JSON."""
    body, headers = b'{"operation": "*", "mode": "hang"}', {"Content-Type": "text/plain"}
    async with plain_http(sandbox.url) as other_site:
        assert (await other_site.post("/faults", content=body, headers=headers)).status_code == 422
