"""Checkout as it runs: its own processes over a real database, with a worker and a sandbox gateway."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx

from ops.local.leash import leashed
from ops.local.ports import choose_ports
from tests.conftest import ADMIN_KEY, PATIENT, ROOT
from tests.sandbox import RunningSandbox, running_sandbox
from tests.store import NO_TLS, wait_until, wait_until_async

Owner: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 Analytical Way",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
_START_SECONDS = 60.0


@dataclass
class Program:
    """One of our processes, to kill and start again on the same ports."""

    name: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = leashed([sys.executable, "-m", "services", self.name], signal.SIGTERM)
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self.environment}, stdout=log, stderr=log
            )

    def await_ready(self) -> None:
        wait_until(self._is_ready, f"{self.name} is ready", _START_SECONDS)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-3000:]}"
        try:
            url = f"http://127.0.0.1:{self.environment['OPS_PORT']}/readyz"
            return httpx.get(url, timeout=2, trust_env=False, verify=NO_TLS).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None


@dataclass
class Stand:
    """`client` calls checkout; `owner` sees every table."""

    url: str
    owner: Owner
    client: httpx.AsyncClient
    sandbox: RunningSandbox
    programs: dict[str, Program] = field(default_factory=dict)

    async def stock(self, sku: str, level: int) -> None:
        answer = await self.client.put(
            f"/api/checkout/admin/stock/{sku}", json={"level": level, "reason": "counted"}, headers=ADMIN
        )
        assert answer.status_code == 200, answer.text

    async def cart(
        self, *lines: tuple[str, int], price_minor: int = 1000, email: str = "ada@example.com"
    ) -> str:
        """A cart ready to order, as if it had been filled: prices quoted, details given."""
        return await ready_cart(self.owner, *lines, price_minor=price_minor, email=email)

    async def order(self, cart_id: str, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return await self.client.post(f"/api/checkout/carts/{cart_id}/order", headers=headers)

    async def ordered(self, *lines: tuple[str, int]) -> dict[str, Any]:
        """A fresh order, its payment ready to be confirmed."""
        answer = await self.order(await self.cart(*lines))
        assert answer.status_code == 201, answer.text
        placed: dict[str, Any] = answer.json()
        return placed

    async def pay(self, placed: dict[str, Any], method: str = "pm_card_visa") -> dict[str, Any]:
        payment = placed["payment"]
        return await self.sandbox.confirm(payment["id"], payment["client_secret"], method)

    async def status(self, token: str) -> str:
        answer = await self.client.get(f"/api/checkout/orders/{token}")
        assert answer.status_code == 200, answer.text
        status: str = answer.json()["status"]
        return status

    async def becomes(self, token: str, status: str, seconds: float = 20.0) -> None:
        async def is_so() -> bool:
            return await self.status(token) == status

        await wait_until_async(is_so, f"the order is {status}", seconds)

    async def paid(self, *lines: tuple[str, int]) -> dict[str, Any]:
        placed = await self.ordered(*lines)
        await self.pay(placed)
        await self.becomes(placed["token"], "paid")
        return placed

    async def figures(self, sku: str) -> tuple[int, int]:
        """Level and reserved."""
        answer = (await self.client.get(f"/api/checkout/admin/stock/{sku}", headers=ADMIN)).json()
        return answer["level"], answer["reserved"]


async def ready_cart(
    owner: Owner, *lines: tuple[str, int], price_minor: int = 1000, email: str = "ada@example.com"
) -> str:
    cart_id = uuid.uuid4().hex
    await owner.execute(
        """INSERT INTO checkout.carts (id, currency, email, shipping_address, shipping_method, expires_at)
           VALUES ($1, 'EUR', $2, $3, 'standard', now() + interval '1 day')""",
        cart_id,
        email,
        json.dumps(ADDRESS),
    )
    await owner.executemany(
        """INSERT INTO checkout.cart_lines
             (cart_id, sku, quantity, price_minor, slug, title, weight_grams, quoted_until)
           VALUES ($1, $2, $3, $4, lower($2), $2, 100, now() + interval '30 minutes')""",
        [(cart_id, sku, quantity, price_minor) for sku, quantity in lines],
    )
    return cart_id


@asynccontextmanager
async def running_checkout(
    database_url: str, redis_url: str, *, worker: bool = True, **variables: object
) -> AsyncIterator[Stand]:
    """Starts the sandbox, checkout and its worker; ends them by pid."""
    folder = Path(tempfile.mkdtemp(prefix="kiosk-checkout-"))
    names = ["checkout", "checkout.ops", "worker-durable.ops"]
    ports = choose_ports(folder / "ports.json", names)
    url = f"http://127.0.0.1:{ports['checkout']}"
    async with running_sandbox(f"{url}/webhooks/payments") as sandbox:
        environment = {
            "ENVIRONMENT": "test",
            "RELEASE": "test-release",
            "ADMIN_API_KEY": ADMIN_KEY,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            **PATIENT,  # crowds of a hundred come at once here
            "JOB_POLL_SECONDS": "0.2",
            "JOB_HEARTBEAT_SECONDS": "0.2",
            "JOB_LEASE_SECONDS": "2",
            **sandbox.environment,
            **{name: str(value) for name, value in variables.items()},
        }
        programs = {
            name: Program(
                name,
                {**environment, "APP_PORT": str(ports.get(name, 0)), "OPS_PORT": str(ports[f"{name}.ops"])},
                folder / f"{name}.log",
            )
            for name in (["checkout", "worker-durable"] if worker else ["checkout"])
        }
        owner = await asyncpg.create_pool(database_url, min_size=1, max_size=4)
        calls: dict[str, Any] = {"timeout": 30, "trust_env": False, "verify": NO_TLS}
        limits = httpx.Limits(max_connections=100)
        try:
            for program in programs.values():
                program.start()
            await asyncio.gather(*(asyncio.to_thread(p.await_ready) for p in programs.values()))
            async with httpx.AsyncClient(base_url=url, limits=limits, **calls) as client:
                yield Stand(url, owner, client, sandbox, programs)
        finally:
            for program in programs.values():
                program.kill()
            await owner.close()
            shutil.rmtree(folder, ignore_errors=True)
