"""Everything at once, at random: shoppers who order, pay, are declined and cancel, a shopkeeper who ships,
refunds and counts, orders whose time is over, a gateway that fails in every way it knows. When all has
settled, no invariant is broken, the gateway's book agrees, and nothing ever waited in a circle."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from ops.check_invariants import broken_books, broken_invariants
from ops.local.postgres import TemporaryPostgres
from ops.local.valkey import TemporaryValkey
from services.settings import PaymentSettings
from tests.checkout.stand import ADMIN, Stand, running_checkout
from tests.store import wait_until_async

pytestmark = pytest.mark.slow

SECONDS = 20.0
SHOPPERS, SKUS = 8, 4
CARDS = (
    *("pm_card_visa",) * 4,
    *("pm_card_chargeDeclined", "pm_card_processing", "pm_card_processingDeclined"),
    *("pm_card_threeDSecure2Required", "pm_card_threeDSecureRequiredChargeDeclined"),
)
CALLS = (
    "create_intent",
    "confirm_intent",
    "cancel_intent",
    "retrieve_intent",
    "create_refund",
    "list_refunds",
)
CALL_FAULTS = ("hang", "slow", "lost_reply", "reset", "error_500", "stored_500", "rate_limited")
WEBHOOK_FAULTS = ("drop", "duplicate", "late", "reorder", "bad_signature")


@dataclass
class Crowd:
    stand: Stand
    chance: random.Random
    deadline: float
    skus: list[str]
    orders: list[dict[str, Any]] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    astonishing: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline

    async def call(self, what: str, path: str, body: Any = None, method: str = "POST") -> httpx.Response:
        headers = {**ADMIN, "Idempotency-Key": str(uuid.uuid4())}
        answer = await self.stand.client.request(
            method, f"/api/checkout/{path}", json=body or {}, headers=headers
        )
        self.note(what, answer)
        return answer

    def note(self, what: str, answer: httpx.Response) -> None:
        """A 503 says when to come again; any other 5xx, and any 4xx but a conflict, is astonishing."""
        self.answers[what, answer.status_code] += 1
        busy = answer.status_code == 503 and "retry-after" in answer.headers
        if not busy and answer.status_code not in (200, 201, 409):
            self.astonishing.append(f"{what}: {answer.status_code} {answer.text}")

    def some_order(self) -> dict[str, Any] | None:
        """Mostly one of the newest, where others are at work too."""
        newest = self.orders[-10:] if self.chance.random() < 0.8 else self.orders
        return self.chance.choice(newest) if newest else None


async def _shop(crowd: Crowd) -> None:
    stand, chance = crowd.stand, crowd.chance
    while not crowd.is_over:
        wanted = chance.sample(crowd.skus, chance.randint(1, 3))
        cart_id = await stand.cart(*((sku, chance.randint(1, 3)) for sku in wanted))
        if chance.random() < 0.5:
            code = chance.choice(["ONCE", *["MANY"] * 5])
            await stand.owner.execute(
                "UPDATE checkout.carts SET discount_code = $2 WHERE id = $1", cart_id, code
            )
        for _ in range(chance.randint(1, 2)):  # a cart whose order ended may be ordered again
            key = str(uuid.uuid4())
            clicks = await asyncio.gather(*(stand.order(cart_id, key) for _ in range(chance.randint(1, 3))))
            for answer in clicks:
                crowd.note("order", answer)
            placed = [answer.json() for answer in clicks if answer.status_code == 201]
            if placed:
                crowd.orders.append(placed[0])
                await _go_on(crowd, placed[0])


async def _go_on(crowd: Crowd, placed: dict[str, Any]) -> None:
    """Pays, cancels, both at once, or forgets about it."""
    chosen = crowd.chance.choice([["pay"], ["pay"], ["pay", "cancel"], ["pay", "pay"], ["cancel"], []])
    await asyncio.gather(*(_step(crowd, placed, step) for step in chosen))


async def _step(crowd: Crowd, placed: dict[str, Any], step: str) -> None:
    if step == "pay":
        await _pay(crowd, placed)
    else:
        await crowd.call("cancel", f"orders/{placed['token']}/cancel")


async def _pay(crowd: Crowd, placed: dict[str, Any]) -> None:
    answer = await crowd.stand.client.get(f"/api/checkout/orders/{placed['token']}")
    crowd.note("follow", answer)
    if answer.status_code != 200:
        return
    payment = answer.json()["payment"]
    for _ in range(crowd.chance.randint(1, 2)):
        if payment["client_secret"] is None:
            return
        with suppress(httpx.HTTPError):  # the gateway's faults are the shopper's too
            intent = await crowd.stand.sandbox.confirm(
                payment["id"], payment["client_secret"], crowd.chance.choice(CARDS)
            )
            if intent.get("status") == "requires_action":
                outcome = crowd.chance.choice(["complete", "fail"])
                await crowd.stand.sandbox.complete_authentication(intent, outcome)


async def _keep_shop(crowd: Crowd) -> None:
    chance = crowd.chance
    while not crowd.is_over:
        placed = crowd.some_order()
        deed = chance.choice(["ship", "refund", "refund all", "count", "cancel"])
        if deed == "count" or placed is None:
            level = {"level": chance.choice([0, 20, 60, 200]), "reason": "counted"}
            await crowd.call("count", f"admin/stock/{chance.choice(crowd.skus)}", level, "PUT")
        elif deed == "ship":
            await crowd.call("ship", f"admin/orders/{placed['number']}/fulfilments")
        elif deed == "cancel":
            await crowd.call("cancel", f"orders/{placed['token']}/cancel")
        else:
            part = {"amount": {"amount": chance.randint(1, 900), "currency": "EUR"}}
            body = part if deed == "refund" else {}
            await crowd.call("refund", f"admin/orders/{placed['number']}/refunds", body)


async def _let_time_pass(crowd: Crowd) -> None:
    """Some orders are at the end of their time, and what waits for its time runs now."""
    while not crowd.is_over:
        placed = crowd.some_order()
        if placed is not None and crowd.chance.random() < 0.3:
            await crowd.stand.owner.execute(
                "UPDATE checkout.orders SET reserved_until = now() WHERE number = $1", int(placed["number"])
            )
        await _hurry(crowd.stand)
        await asyncio.sleep(crowd.chance.uniform(0.1, 0.5))  # how often this strikes; nothing is waited for


async def _hurry(stand: Stand) -> None:
    await stand.owner.execute(
        "UPDATE jobs.jobs SET run_at = now() WHERE id IN (SELECT id FROM jobs.jobs "
        "WHERE state = 'queued' AND run_at > now() ORDER BY id FOR UPDATE SKIP LOCKED)"
    )
    await stand.owner.execute("SELECT pg_notify('jobs', 'default')")


async def _trouble_gateway(crowd: Crowd) -> None:
    chance, sandbox = crowd.chance, crowd.stand.sandbox
    while not crowd.is_over:
        if chance.random() < 0.3:
            await sandbox.clear_faults()
        elif chance.random() < 0.5:
            mode = chance.choice(WEBHOOK_FAULTS)
            await sandbox.set_fault("webhook", mode, times=chance.randint(1, 10), seconds=0.5)
        else:
            call, mode = chance.choice(CALLS), chance.choice(CALL_FAULTS)
            await sandbox.set_fault(call, mode, times=chance.randint(1, 5), seconds=1.5)
        await asyncio.sleep(chance.uniform(0.1, 0.6))  # how long a fault lasts
    await sandbox.clear_faults()


async def _settled(stand: Stand) -> bool:
    """Everybody's time is over, and everything that was to be done is done."""
    await stand.owner.execute(
        "UPDATE checkout.orders SET reserved_until = now() WHERE status = 'pending_payment'"
    )
    await _hurry(stand)
    left: int = await stand.owner.fetchval(
        """SELECT (SELECT count(*) FROM checkout.orders WHERE status = 'pending_payment')
                + (SELECT count(*) FROM checkout.payment_attempts WHERE state <> 'settled' AND NOT closed)
                + (SELECT count(*) FROM checkout.refunds WHERE state = 'pending')
                + (SELECT count(*) FROM jobs.jobs
                   WHERE actor = 'catalog.refresh_availability' AND state IN ('queued', 'running'))"""
    )
    return left == 0


async def _open_shop(stand: Stand, chance: random.Random) -> list[str]:
    skus = [f"R-{number}" for number in range(SKUS)]
    for sku in skus:
        product_id = await stand.owner.fetchval(
            """INSERT INTO catalog.products (slug, title, title_key, brand, price_minor)
               VALUES (lower($1), $1, $1, 'Acme', 1000) RETURNING id""",
            sku,
        )
        await stand.owner.execute(
            "INSERT INTO catalog.variants (product_id, sku, price_minor) VALUES ($1, $2, 1000)",
            product_id,
            sku,
        )
        await stand.stock(sku, chance.choice([10, 60]))
    await stand.owner.execute(
        "INSERT INTO checkout.discounts (code, percent_basis_points, uses_max) "
        "VALUES ('ONCE', 5000, 1), ('MANY', 1000, NULL)"
    )
    return skus


async def test_whatever_happens_at_once_the_books_agree_in_the_end(
    own_postgres: TemporaryPostgres, valkey: TemporaryValkey
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  # shown when it fails
    chance = random.Random(seed)
    async with running_checkout(own_postgres.url, valkey.url, PAYMENT_TIMEOUT_SECONDS=1) as stand:
        skus = await _open_shop(stand, chance)
        crowd = Crowd(stand, chance, time.monotonic() + SECONDS, skus)
        await asyncio.gather(
            *(_shop(crowd) for _ in range(SHOPPERS)),
            *(_keep_shop(crowd) for _ in range(2)),
            _let_time_pass(crowd),
            _trouble_gateway(crowd),
        )
        assert crowd.astonishing == []
        await wait_until_async(lambda: _settled(stand), "everything settles", 60)
        broken = await broken_invariants(own_postgres.url)
        assert {name: rows for name, rows in broken.items() if rows} == {}
        payment = PaymentSettings.read(stand.sandbox.environment)
        assert await broken_books(own_postgres.url, payment) == []
        rows = await stand.owner.fetch("SELECT status, count(*) FROM checkout.orders GROUP BY status")
        statuses = {row["status"]: row["count"] for row in rows}
        given_up = await stand.owner.fetch(
            "SELECT DISTINCT actor FROM jobs.jobs WHERE state IN ('dead', 'crashed') "
            "AND actor NOT LIKE 'checkout.send\\_re%ed' AND actor <> 'checkout.send_receipt'"
        )
        print(statuses, dict(crowd.answers))  # noqa: T201
        assert given_up == []
        assert {"expired", "cancelled", "refunded"} <= statuses.keys(), "too little happened"
        logs = {name: program.log.read_text() for name, program in stand.programs.items()}
    said = own_postgres.log.read_text()
    assert "deadlock detected" not in said
    assert "out-of-stock" in said  # it is the log that tells of errors
    for name, log in logs.items():
        assert "unhandled error" not in log, name
        for placed in crowd.orders:
            assert placed["token"] not in log, name
            assert (placed["payment"]["client_secret"] or placed["token"]) not in log, name
        assert "ada@example.com" not in log, name
