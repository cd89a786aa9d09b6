"""The crowd of test_overload.py, in a process of its own, so that it takes no turns with what it measures.

Reads a Plan from standard input and writes a Report to standard output, both as JSON."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import msgspec

from tests.faults.crowds import Figures, heedless_crowd, patient_crowd
from tests.store import NO_TLS

_WARM_SECONDS = 1.5


class Plan(msgspec.Struct, frozen=True):
    """`cart` is looked at, `carts` are ordered, one after the other; `people` look at the peak."""

    url: str
    cart: str
    carts: list[str]
    people: int
    calm_seconds: float
    rush_seconds: float
    rush_times: int
    orders_per_second: float


@dataclass
class Phase:
    """How the two halves of the mix fared."""

    looks: Figures
    orders: Figures

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return self.looks.goodput + self.orders.goodput

    def __str__(self) -> str:
        return f"looks: {self.looks}; orders: {self.orders}"


@dataclass
class Report:
    """`peak` and `after`: as many at once as there are places; `rush`: many times as many, in vain or not."""

    peak: Phase
    rush: Phase
    after: Phase


@dataclass
class Crowd:
    """All that a plan asks for."""

    plan: Plan
    client: httpx.AsyncClient
    carts: Iterator[str]

    async def look(self) -> httpx.Response:
        return await self.client.get(f"/api/checkout/carts/{self.plan.cart}")

    async def buy(self) -> httpx.Response:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return await self.client.post(f"/api/checkout/carts/{next(self.carts)}/order", headers=key)

    async def at_capacity(self) -> Phase:
        seconds = self.plan.calm_seconds
        looks, orders = await asyncio.gather(
            patient_crowd(self.look, self.plan.people, seconds),
            heedless_crowd(self.buy, self.plan.orders_per_second, seconds),
        )
        return Phase(looks, orders)

    async def rush(self, peak: Phase) -> Phase:
        plan = self.plan
        looks, orders = await asyncio.gather(
            heedless_crowd(self.look, plan.rush_times * peak.looks.goodput, plan.rush_seconds),
            heedless_crowd(self.buy, plan.orders_per_second, plan.rush_seconds),
        )
        return Phase(looks, orders)

    async def measure(self) -> Report:
        # Opens the connections and prepares the statements.
        await patient_crowd(self.look, self.plan.people, _WARM_SECONDS)
        peak = await self.at_capacity()
        rush = await self.rush(peak)
        return Report(peak, rush, await self.at_capacity())


async def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(
        base_url=plan.url, timeout=30, trust_env=False, verify=NO_TLS, limits=limits
    ) as client:
        report = await Crowd(plan, client, iter(plan.carts)).measure()
    sys.stdout.buffer.write(msgspec.json.encode(report))


async def measured(plan: Plan) -> Report:
    """Runs the crowd; raises AssertionError when it dies."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await process.communicate(msgspec.json.encode(plan))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, "the crowd died"
    return msgspec.json.decode(said, type=Report)


if __name__ == "__main__":
    asyncio.run(main())
