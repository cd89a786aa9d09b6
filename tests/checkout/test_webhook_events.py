"""Signed events that nobody expects: none is answered by a 5xx, none undoes what is known, and each that
has an id is noted."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ops.local.valkey import TemporaryValkey
from services.checkout.errors import SignatureWrong
from services.checkout.payments.signatures import verify_signature
from tests.checkout.conftest import problem_of
from tests.checkout.desk import Desk, open_desk
from tests.checkout.order_rows import insert_order
from tests.conftest import ADMIN_KEY, PATIENT, Databases
from tests.sandbox import RunningSandbox

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "status": "succeeded",
    "amount": 3490,
    "amount_received": 3490,
    "currency": "eur",
    "metadata": {"attempt": str(uuid.UUID(int=1))},
}


@pytest.fixture(scope="module")
async def desk(databases: Databases, valkey: TemporaryValkey, gateway: RunningSandbox) -> AsyncIterator[Desk]:
    """One for all: no event here hinders another."""
    url = await databases.copy()
    variables = {
        "DATABASE_URL": url,
        "REDIS_URL": valkey.url,
        "ADMIN_API_KEY": ADMIN_KEY,
        "PAYMENT_TIMEOUT_SECONDS": "20",
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**PATIENT, **gateway.environment, **variables}.items():
            environment.setenv(name, value)
        async with open_desk(url, gateway) as opened:
            yield opened
    await databases.drop(url)


async def _noted(desk: Desk) -> list[str]:
    """What came of the events so far, the newest last."""
    rows = await desk.owner.fetch("SELECT effect FROM checkout.webhook_events ORDER BY received_at")
    return [row["effect"] for row in rows]


async def _effect(desk: Desk, kind: str, about: Any, **members: Any) -> str:
    answer = await desk.receive_event(kind, about, **members)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["effect"])


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("payment_intent.succeeded", {**INTENT, "status": "superseded"}),
        ("payment_intent.succeeded", {**INTENT, "amount": 10**30}),
        ("payment_intent.succeeded", {**INTENT, "amount_received": 10**19}),
        ("payment_intent.succeeded", {**INTENT, "amount": -1}),
        ("payment_intent.succeeded", {**INTENT, "amount": 34.9}),
        ("payment_intent.succeeded", {**INTENT, "amount": "3490"}),
        ("payment_intent.succeeded", {**INTENT, "metadata": {"attempt": 1}}),
        ("payment_intent.succeeded", {**INTENT, "metadata": None}),
        ("payment_intent.succeeded", {**INTENT, "id": 7}),
        ("payment_intent.succeeded", {**INTENT, "id": "../events?x=\n"}),
        ("payment_intent.succeeded", {**INTENT, "id": "pi_" + "1" * 100_000}),
        ("payment_intent.succeeded", {**INTENT, "currency": "euros"}),
        ("payment_intent.payment_failed", {**INTENT, "last_payment_error": "no money"}),
        ("payment_intent.created", {**INTENT, "status": "canceled", "client_secret": ["a"]}),
        ("payment_intent", {}),
        ("payment_intent.succeeded", []),
        ("payment_intent.succeeded", "pi_1"),
        ("payment_intent.succeeded", None),
        ("refund.updated", {"id": "re_1", "amount": 10**30, "status": "succeeded"}),
        ("refund.updated", {"id": "re_1", "amount": 1, "status": ["succeeded"]}),
        ("refund.updated", {"id": "re_1", "amount": 1, "metadata": ["refund"]}),
    ],
)
async def test_an_event_we_do_not_understand_is_acknowledged_and_noted(
    desk: Desk, kind: str, about: Any
) -> None:
    before = await _noted(desk)
    assert await _effect(desk, kind, about) == "unreadable"
    assert await _noted(desk) == [*before, "unreadable"]


async def test_kinds_that_say_nothing_to_us_are_ignored(desk: Desk) -> None:
    assert await _effect(desk, "charge.refunded", {"id": "ch_1"}) == "ignored"
    assert await _effect(desk, "customer.created", {"id": {"not": "text"}}) == "ignored"
    assert await _effect(desk, "v1.billing.meter", {"id": "ch_1"}, data=None) == "ignored"


@pytest.mark.parametrize("text", ["a\x00b", "a\\u0000b", "a\\\\u0000b\x00", "\\", "\ufffe\U0001f600"])
async def test_any_text_within_an_event_can_be_noted(desk: Desk, text: str) -> None:
    described = {**INTENT, "status": "processing", "description": text, text or "key": 1}
    assert await _effect(desk, "payment_intent.processing", described) == "noted"
    declined = {**INTENT, "status": "requires_payment_method"}
    declined["last_payment_error"] = {"type": "card_error", "message": text}
    order = await insert_order(desk.owner, status="pending_payment")  # type: ignore[arg-type]  # a pool asks like a connection
    attempt = await desk.owner.fetchval(
        "SELECT id::text FROM checkout.payment_attempts WHERE order_id = $1", order.id
    )
    declined |= {"id": f"pi_{uuid.uuid4().hex}", "metadata": {"attempt": attempt}}
    assert await _effect(desk, "payment_intent.payment_failed", declined) == "declined"
    message = await desk.owner.fetchval(
        "SELECT message FROM checkout.payment_attempts WHERE id::text = $1", attempt
    )
    assert message == text.replace("\x00", "")
    assert await _effect(desk, "payment_intent.payment_failed", declined) == "noted"  # no news


async def test_huge_numbers_within_an_event_can_be_noted(desk: Desk) -> None:
    assert await _effect(desk, "charge.updated", {"id": "ch_1", "n": 10**30, "f": 1e308}) == "ignored"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "a", "data": {"object": {}}}',
        b'{"id": "", "type": "a", "data": {"object": {}}}',
        b'{"id": "evt_\\u0000", "type": "", "data": {"object": {}}}',
        b'{"id": "' + b"e" * 5000 + b'", "type": "a", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "' + b"t" * 5000 + b'", "data": {"object": {}}}',
        b'{"id": "evt_1\xff", "type": "a", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "\\ud800", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"a": 1e999}}}',
        b'{"id": "evt_1", "type": "a", "data": {"object": {"a": ' + b"[" * 60_000 + b"]" * 60_000 + b"}}}",
        b'{"id": "evt_1", "x": ' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b', "type": "a"}',
    ],
)
async def test_what_can_be_no_event_is_refused(desk: Desk, body: bytes) -> None:
    before = await _noted(desk)
    assert problem_of(await desk.receive(body)) == (400, "malformed-request")
    assert await _noted(desk) == before


async def test_an_event_too_large_to_be_one_is_refused(desk: Desk) -> None:
    assert problem_of(await desk.receive(b" " * 300_000)) == (413, "too-large")


async def test_the_content_type_of_an_event_does_not_matter(desk: Desk) -> None:
    body = json.dumps({"id": "evt_of_text", "type": "a.b", "data": {"object": {}}}).encode()
    assert (await desk.receive(body, **{"Content-Type": "text/plain"})).json() == {"effect": "ignored"}


async def test_an_event_that_mixes_two_payments_changes_neither(desk: Desk) -> None:
    sku = await desk.stock(5)
    one, other = await desk.ordered((sku, 1)), await desk.ordered((sku, 1))
    await desk.owner.execute(
        "UPDATE checkout.payment_attempts SET gateway_id = NULL WHERE id = $1",
        (await desk.row(other))["attempt_id"],
    )
    mixed = {**INTENT, "id": one["payment"]["id"], "amount": 1490, "amount_received": 1490}
    mixed["metadata"] = {"attempt": str((await desk.row(other))["attempt_id"])}
    assert await _effect(desk, "payment_intent.succeeded", mixed) == "mismatch"
    assert await _effect(desk, "payment_intent.processing", {**mixed, "status": "processing"}) == "noted"
    assert (await desk.row(one))["payment_state"] == "ready"
    assert (await desk.row(other))["payment_state"] == "ready"
    assert (await desk.row(other))["gateway_id"] is None


async def test_a_charge_of_nothing_pays_nothing(desk: Desk) -> None:
    placed = await desk.ordered((await desk.stock(5), 1))
    attempt = str((await desk.row(placed))["attempt_id"])
    nothing = {**INTENT, "id": placed["payment"]["id"], "amount": 1490, "amount_received": 0}
    nothing["metadata"] = {"attempt": attempt}
    assert await _effect(desk, "payment_intent.succeeded", nothing) == "mismatch"
    assert await desk.status(placed) == "pending_payment"


async def test_no_event_is_kept_with_a_secret(desk: Desk) -> None:
    placed = await desk.ordered((await desk.stock(5), 1))
    [intent] = [i for i in await desk.sandbox.intents() if i["id"] == placed["payment"]["id"]]
    assert intent["client_secret"]
    await _effect(desk, "payment_intent.created", intent)
    kept = await desk.owner.fetchval(
        "SELECT payload::text FROM checkout.webhook_events WHERE object_id = $1", intent["id"]
    )
    assert intent["id"] in kept
    assert intent["client_secret"] not in kept


def _header(body: bytes, secret: str, at: float) -> str:
    signed = str(int(at)).encode() + b"." + body
    return f"t={int(at)},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header + ",v1=00",
        lambda header: "v0=77," + header,
        lambda header: header.replace(",", " , "),
        lambda header: ",".join(reversed(header.split(","))),
    ],
)
def test_a_signature_is_found_among_others(change: Callable[[str], str]) -> None:
    for secret in ("whsec_old", "whsec_new"):
        header = _header(b"{}", secret, time.time())
        verify_signature(change(header), b"{}", ["whsec_old", "whsec_new"])


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace("t=", "t=0"),  # what was signed is the text of the time
        lambda header: header.replace("v1=", "v0="),
        lambda header: header.replace("v1=", "v1=é"),
        lambda header: header + ",t=1",
        lambda header: header.upper(),
        lambda header: header.partition(",")[0],
        lambda header: header.partition(",")[2],
        lambda header: header.replace("t=", "t=-"),
        lambda header: header.replace("t=", "t=²"),
        lambda header: "t=" + "9" * 5000,
    ],
)
def test_no_other_text_is_a_signature(change: Callable[[str], str]) -> None:
    header = _header(b"{}", "whsec_new", time.time())
    with pytest.raises(SignatureWrong):
        verify_signature(change(header), b"{}", ["whsec_old", "whsec_new"])


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(SignatureWrong):
        verify_signature(_header(b"{}", "", time.time()), b"{}", [])
