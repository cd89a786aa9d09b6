"""Checkout in this process beside a sandbox gateway, its jobs and webhooks in the test's own hands: the
order in which things happen is the test's to choose."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from databases import Database

from ops.check_invariants import broken_invariants
from services.checkout.app import service
from services.checkout.orders import orders
from services.checkout.payments import following, refunds
from services.checkout.resources import Checkout
from services.database import connection
from services.lifecycle import Lifecycle
from services.settings import ProcessSettings
from tests.checkout.stand import ADMIN, Owner, ready_cart
from tests.sandbox import RunningSandbox

# For X-Forwarded-For: who has one of these was never here before.
NEW_ADDRESSES = (f"198.51.{n // 250}.{n % 250}" for n in itertools.count())


def with_limits(database_url: str, sandbox: RunningSandbox, **limits: int) -> dict[str, Any]:
    """The environment of a desk that counts: `limits` by the ends of RATE_LIMIT_*."""
    return {
        **sandbox.environment,
        "DATABASE_URL": database_url,
        "PAYMENT_TIMEOUT_SECONDS": 20,
        "RATE_LIMIT_ENABLED": "yes",
        **{f"RATE_LIMIT_{name}": limit for name, limit in limits.items()},
    }


@dataclass(frozen=True)
class Desk:
    client: httpx.AsyncClient
    checkout: Checkout
    owner: Owner
    sandbox: RunningSandbox
    database_url: str

    async def stock(self, level: int, sku: str | None = None) -> str:
        """A SKU with so many on the shelf."""
        sku = sku or f"D-{uuid.uuid4().hex[:10]}"
        body = {"level": level, "reason": "counted"}
        answer = await self.client.put(f"/api/checkout/admin/stock/{sku}", json=body, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        return sku

    async def figures(self, sku: str) -> tuple[int, int]:
        """Level and reserved."""
        row = await self.owner.fetchrow(
            "SELECT level, reserved FROM checkout.stock_levels WHERE sku = $1", sku
        )
        assert row is not None
        return row["level"], row["reserved"]

    async def cart(self, *lines: tuple[str, int], price_minor: int = 1000, code: str | None = None) -> str:
        cart_id = await ready_cart(self.owner, *lines, price_minor=price_minor)
        await self.owner.execute("UPDATE checkout.carts SET discount_code = $2 WHERE id = $1", cart_id, code)
        return cart_id

    async def discount(self, uses_max: int | None) -> str:
        """A code for a tenth off."""
        code = f"C{uuid.uuid4().hex[:8].upper()}"
        await self.owner.execute(
            "INSERT INTO checkout.discounts (code, percent_basis_points, uses_max) VALUES ($1, 1000, $2)",
            code,
            uses_max,
        )
        return code

    async def uses(self, code: str) -> int:
        uses: int = await self.owner.fetchval("SELECT uses FROM checkout.discounts WHERE code = $1", code)
        return uses

    async def order(self, cart_id: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return await self.client.post(f"/api/checkout/carts/{cart_id}/order", headers=headers)

    async def ordered(self, *lines: tuple[str, int], code: str | None = None) -> dict[str, Any]:
        answer = await self.order(await self.cart(*lines, code=code))
        assert answer.status_code == 201, answer.text
        placed: dict[str, Any] = answer.json()
        return placed

    async def pay(self, placed: dict[str, Any], method: str = "pm_card_visa") -> dict[str, Any]:
        """At the gateway; checkout hears of it by `deliver` or `poll`."""
        payment = placed["payment"]
        return await self.sandbox.confirm(payment["id"], payment["client_secret"], method)

    async def paid(self, *lines: tuple[str, int]) -> dict[str, Any]:
        placed = await self.ordered(*lines)
        await self.pay(placed)
        await self.poll(placed)
        assert await self.status(placed) == "paid"
        return placed

    async def cancel(self, placed: dict[str, Any]) -> httpx.Response:
        return await self.client.post(f"/api/checkout/orders/{placed['token']}/cancel")

    async def refund(self, placed: dict[str, Any], amount: int | None = None) -> httpx.Response:
        body = {} if amount is None else {"amount": {"amount": amount, "currency": "EUR"}}
        return await self.client.post(
            f"/api/checkout/admin/orders/{placed['number']}/refunds",
            json=body,
            headers={**ADMIN, "Idempotency-Key": str(uuid.uuid4())},
        )

    async def shown(self, placed: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.get(f"/api/checkout/orders/{placed['token']}")
        assert answer.status_code == 200, answer.text
        order: dict[str, Any] = answer.json()
        return order

    async def status(self, placed: dict[str, Any]) -> str:
        return str((await self.shown(placed))["status"])

    async def row(self, placed: dict[str, Any]) -> asyncpg.Record:
        """The order with its attempt's id."""
        row = await self.owner.fetchrow(
            """SELECT o.*, a.id AS attempt_id, a.gateway_id, a.state AS payment_state, a.closed
               FROM checkout.orders o JOIN checkout.payment_attempts a ON a.order_id = o.id
               WHERE o.number = $1""",
            int(placed["number"]),
        )
        assert row is not None
        return row

    async def poll(self, placed: dict[str, Any]) -> None:
        """The job that looks at the payment."""
        await following.poll_payment(self.checkout, (await self.row(placed))["attempt_id"], 0)

    async def expire(self, placed: dict[str, Any]) -> None:
        """The order's time is over, and its job runs."""
        order_id = (await self.row(placed))["id"]
        await self.owner.execute("UPDATE checkout.orders SET reserved_until = now() WHERE id = $1", order_id)
        await orders.expire_order(self.checkout, order_id)

    async def expire_unheard(self, placed: dict[str, Any]) -> None:
        """The same while the gateway does not answer, so that it can still be paid there."""
        await self.sandbox.set_fault("cancel_intent", "reset", times=None)
        await self.expire(placed)
        await self.sandbox.clear_faults()
        assert await self.status(placed) == "expired"

    async def send_refunds(self) -> None:
        """The jobs that send what is to be given back."""
        for row in await self.owner.fetch("SELECT id FROM checkout.refunds WHERE state = 'pending'"):
            await refunds.send_refund(self.checkout, row["id"])

    async def jobs(self, actor: str, first: object) -> list[asyncpg.Record]:
        """Those that wait for an actor, by their first argument."""
        return await self.owner.fetch(
            "SELECT * FROM jobs.jobs WHERE actor = $1 AND args ->> 0 = $2 AND state = 'queued' ORDER BY id",
            actor,
            str(first),
        )

    async def receive(self, body: bytes, **headers: str) -> httpx.Response:
        """A webhook with this body, rightly signed."""
        timestamp = str(int(time.time()))
        secret = self.sandbox.webhook_secret.encode()
        digest = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = {"Stripe-Signature": f"t={timestamp},v1={digest}"}
        return await self.client.post("/webhooks/payments", content=body, headers={**signed, **headers})

    async def receive_event(self, kind: str, about: Any, **members: Any) -> httpx.Response:
        event = {"id": f"evt_{uuid.uuid4().hex}", "type": kind, "data": {"object": about}, **members}
        return await self.receive(json.dumps(event).encode())

    async def given_back(self, placed: dict[str, Any]) -> list[int]:
        """What the gateway has refunded of an order."""
        mine = (await self.row(placed))["gateway_id"]
        return [r["amount"] for r in await self.sandbox.refunds() if r["payment_intent"] == mine]

    async def broken(self) -> dict[str, list[str]]:
        """The invariants that do not hold."""
        found = await broken_invariants(self.database_url)
        return {name: rows for name, rows in found.items() if rows}


async def warm_up(database: Database, connections: int = 1) -> None:
    """Opens as many connections, for what waits a second at most for one, which is to be there."""
    arrived, all_there = 0, asyncio.Event()

    async def hold_one() -> None:
        nonlocal arrived
        async with connection(database, 20):
            arrived += 1
            if arrived == connections:
                all_there.set()
            await all_there.wait()

    await asyncio.gather(*(hold_one() for _ in range(connections)))


@asynccontextmanager
async def open_desk(database_url: str, sandbox: RunningSandbox) -> AsyncIterator[Desk]:
    """With the environment set already."""
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    async with (
        asyncpg.create_pool(database_url, min_size=1, max_size=4) as owner,
        service.resources(settings, lifecycle) as checkout,
    ):
        await warm_up(checkout.database, 2)
        app = service.app(settings, lifecycle, checkout)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            yield Desk(client, checkout, owner, sandbox, database_url)
