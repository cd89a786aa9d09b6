"""The gateway and the mail server behind a line that breaks: orders stand, nothing is paid or told too often,
and all is settled once the line is whole."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from ops.check_invariants import broken_books, broken_invariants
from ops.local.valkey import TemporaryValkey
from services.settings import PaymentSettings
from tests.checkout.stand import Stand, running_checkout
from tests.conftest import Databases
from tests.faults.fault_kinds import FAULTS, Fault
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.store import wait_until_async

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ORDERS = 4
# The gateway has three seconds, and the rest of an order little more; a busy machine adds to it.
LONGEST_SECONDS = 6.0
_TRIED = (
    "SELECT count(*) FROM checkout.mails m JOIN checkout.orders o ON o.id = m.order_id WHERE o.email = $1"
)
NOBODY = ("127.0.0.1", 9)


@dataclass(frozen=True)
class Lines:
    """Checkout and its worker, with what breaks between them and the sandbox."""

    stand: Stand
    gateway: FaultProxy
    mail: FaultProxy
    database_url: str


@pytest.fixture(scope="module")
async def lines(databases: Databases, valkey: TemporaryValkey) -> AsyncIterator[Lines]:
    url = await databases.copy()
    with ExitStack() as proxies:
        gateway, mail = (proxies.enter_context(fault_proxy(NOBODY)) for _ in range(2))
        variables: dict[str, Any] = {
            "PAYMENT_API_URL": f"http://{gateway.host}:{gateway.port}/sandbox",
            "SES_PORT": mail.port,
            "SES_TIMEOUT_SECONDS": 2,
        }
        async with running_checkout(url, valkey.url, **variables) as stand:
            gateway.target = ("127.0.0.1", stand.sandbox.port)
            mail.target = ("127.0.0.1", stand.sandbox.smtp_port)
            yield Lines(stand, gateway, mail, url)
    await databases.drop(url)


async def _hurry(stand: Stand) -> None:
    """Lets the jobs run now that wait for their next attempt."""
    await stand.owner.execute(
        """UPDATE jobs.jobs SET run_at = now()
           WHERE state = 'queued' AND actor LIKE 'checkout.%' AND attempt > 0 AND run_at > now()"""
    )
    await stand.owner.execute("SELECT pg_notify('jobs', 'default')")


async def _order(stand: Stand, sku: str, email: str = "ada@example.com") -> tuple[dict[str, Any], float]:
    cart = await stand.cart((sku, 1), email=email)
    began = time.monotonic()
    answer = await stand.order(cart)
    took = time.monotonic() - began
    assert answer.status_code == 201, answer.text
    placed: dict[str, Any] = answer.json()
    return placed, took


async def _ready(stand: Stand, token: str) -> dict[str, Any]:
    """The order, once it can be paid."""
    found: list[dict[str, Any]] = []

    async def is_ready() -> bool:
        found.append((await stand.client.get(f"/api/checkout/orders/{token}")).json())
        if found[-1]["payment"]["state"] != "preparing":
            return True
        await _hurry(stand)
        return False

    await wait_until_async(is_ready, "the payment can be made", 60)
    return found[-1]


async def _settle(stand: Stand, tokens: list[str]) -> None:
    async def all_paid() -> bool:
        statuses = [await stand.status(token) for token in tokens]
        if set(statuses) == {"paid"}:
            return True
        await _hurry(stand)
        return False

    await wait_until_async(all_paid, "every order is paid", 60)


async def _books_agree(lines: Lines) -> None:
    broken = await broken_invariants(lines.database_url)
    # Nothing was imported here, so the catalog has nothing to show.
    assert {name: rows for name, rows in broken.items() if rows} == {}
    payment = PaymentSettings.read({**lines.stand.sandbox.environment})
    assert await broken_books(lines.database_url, payment) == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_orders_stand_whatever_becomes_of_the_gateway_and_are_charged_once(
    lines: Lines, fault: Fault
) -> None:
    stand, sku = lines.stand, f"G-{uuid.uuid4().hex[:10]}"
    await stand.stock(sku, 100)
    with lines.gateway.broken(fault):
        placed = await asyncio.gather(*(_order(stand, sku) for _ in range(ORDERS)))
        assert {order["payment"]["state"] for order, _ in placed} <= {"preparing", "ready"}
        assert max(took for _, took in placed) < LONGEST_SECONDS
        early = [order for order, _ in placed if order["payment"]["state"] == "ready"]
        # Paid by the shopper's browser, which has a line of its own; checkout hears of it by webhook.
        await asyncio.gather(*(stand.pay(order) for order in early))
    late = [order for order, _ in placed if order not in early]
    for order in late:
        await stand.pay(await _ready(stand, order["token"]))
    await _settle(stand, [order["token"] for order, _ in placed])
    numbers = {order["number"]: order["total"]["amount"] for order, _ in placed}
    charged = Counter(dict.fromkeys(numbers, 0))
    for intent in await stand.sandbox.intents():
        if (number := intent["metadata"].get("order")) in numbers:
            charged[number] += intent["amount_received"]
    assert charged == numbers
    await _books_agree(lines)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_mail_is_delivered_at_last_whatever_becomes_of_its_server(lines: Lines, fault: Fault) -> None:
    """At best once; twice where the server's word of having it was lost."""
    stand, sku = lines.stand, f"M-{uuid.uuid4().hex[:10]}"
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    await stand.stock(sku, 10)
    with lines.mail.broken(fault):
        placed, took = await _order(stand, sku, email)
        assert took < LONGEST_SECONDS, "nobody waits for mail"
        await stand.pay(await _ready(stand, placed["token"]))
        await _settle(stand, [placed["token"]])

        async def was_tried() -> bool:
            return bool(await stand.owner.fetchval(_TRIED, email))

        await wait_until_async(was_tried, "mail was tried", 30)

    async def is_told() -> bool:
        await _hurry(stand)
        return bool(await stand.owner.fetchval(_TRIED + " AND m.sent_at IS NOT NULL", email))

    await wait_until_async(is_told, "the letter is sent", 60)
    subjects = Counter(mail["subject"] for mail in await stand.sandbox.messages(to=email))
    assert len(subjects) == 1
    assert max(subjects.values()) <= 2, subjects
