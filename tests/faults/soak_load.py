"""Mixed load on a store: people who look, buy, cancel and get money back, and staff who look at the jobs."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.matrix_store import STAFF_PASSWORD, MatrixStore
from tests.faults.soak_faults import Trouble
from tests.journeys.buying import DETAILS
from tests.store import NO_TLS

# What the store may say while something is wrong; at any other time a 5xx is a failure.
HONEST_WHILE_IN_TROUBLE = (502, 503, 504)
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.2  # between what one person does: the soak is long, not hard
PEOPLE = 4


class Put(Exception):
    """This person has been put off, and leaves."""


@dataclass
class Load:
    """`unhandled`: what no answer of a store may be. `paid`: token and number of paid orders."""

    matrix: MatrixStore
    trouble: Trouble
    random: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    unhandled: list[str] = field(default_factory=list)
    paid: list[tuple[str, str]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._person(end) for _ in range(PEOPLE)))

    async def _person(self, end: float) -> None:
        ways: dict[str, Callable[[httpx.AsyncClient], Awaitable[None]]] = {
            "looked": self._look,
            "bought": self._buy,
            "cancelled": self._cancel,
            "refunded": self._refund,
            "saw the jobs": self._see_jobs,
        }
        while time.monotonic() < end:
            way = self.random.choices(list(ways), weights=(5, 4, 2, 1, 1))[0]
            async with httpx.AsyncClient(
                base_url=self.matrix.store.url, trust_env=False, timeout=_PATIENCE_SECONDS, verify=NO_TLS
            ) as client:
                try:
                    await ways[way](client)
                    self.done[way] += 1
                except Put:
                    self.done["put off"] += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, client: httpx.AsyncClient, method: str, path: str, **request: Any) -> httpx.Response:
        in_trouble = self.trouble.excuses
        try:
            response = await client.request(method, path, **request)
        except httpx.HTTPError as error:
            if not (in_trouble or self.trouble.excuses):
                self.unhandled.append(f"{method} {path}: {error!r}")
            raise Put from error
        status = response.status_code
        self.statuses[status] += 1
        excused = (in_trouble or self.trouble.excuses) and status in HONEST_WHILE_IN_TROUBLE
        if status >= 500 and not excused:
            self.unhandled.append(f"{method} {path}: {status} {response.text[:200]}")
        if status >= 400:
            raise Put(f"{method} {path}: {status}")
        return response

    async def _look(self, client: httpx.AsyncClient) -> None:
        for path in ("/", "/api/catalog/products?q=lamp", f"/products/{self.matrix.ground.slug}", "/cart"):
            await self._ask(client, "GET", path)

    async def _place(self, client: httpx.AsyncClient) -> dict[str, Any]:
        cart = (await self._ask(client, "POST", "/api/checkout/carts")).json()
        path = f"/api/checkout/carts/{cart['id']}"
        line = f"{path}/lines/{self.matrix.ground.sku}"
        await self._ask(client, "PUT", line, json={"quantity": self.random.randint(1, 3)})
        await self._ask(client, "PUT", f"{path}/details", json=DETAILS)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        placed: dict[str, Any] = (await self._ask(client, "POST", f"{path}/order", headers=key)).json()
        return placed

    async def _buy(self, client: httpx.AsyncClient) -> None:
        placed = await self._place(client)
        payment = placed["payment"]
        for _ in range(50):
            if payment["state"] != "preparing":
                break
            await asyncio.sleep(_PAUSE_SECONDS)  # of a poll
            path = f"/api/checkout/orders/{placed['token']}"
            payment = (await self._ask(client, "GET", path)).json()["payment"]
        if payment["state"] != "ready":
            return
        form = {"payment_method": "pm_card_visa", "client_secret": payment["client_secret"]}
        # The gateway is not ours: what it answers is no fault of the store.
        url = f"/sandbox/v1/payment_intents/{payment['id']}/confirm"
        try:
            answer = await client.post(url, data=form)
        except httpx.HTTPError as error:
            raise Put from error
        if answer.status_code == 200:
            self.paid.append((placed["token"], placed["number"]))

    async def _cancel(self, client: httpx.AsyncClient) -> None:
        placed = await self._place(client)
        await self._ask(client, "POST", f"/api/checkout/orders/{placed['token']}/cancel")

    async def _refund(self, client: httpx.AsyncClient) -> None:
        if not self.paid:
            return
        _, number = self.random.choice(self.paid)
        headers = {**self.matrix.ground.admin, "Idempotency-Key": str(uuid.uuid4())}
        body = {"amount": {"amount": 1, "currency": "EUR"}}
        path = f"/api/checkout/admin/orders/{number}/refunds"
        await self._ask(client, "POST", path, json=body, headers=headers)

    async def _see_jobs(self, client: httpx.AsyncClient) -> None:
        given = {"name": "admin", "password": STAFF_PASSWORD}
        headers = {"Sec-Fetch-Site": "same-origin"}
        await self._ask(client, "POST", "/jobs/login", data=given, headers=headers)
        for path in ("/jobs", "/jobs/list", "/api/jobs/overview"):
            await self._ask(client, "GET", path)
