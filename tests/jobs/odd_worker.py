"""`python -m tests.jobs.odd_worker`: a durable worker, as it is, with two actors besides. `tests.hang` locks
a product and never ends, but may take half a second only; `tests.eat` takes that many MiB of memory for
ever, and ends when the file GATE is there. So does its clock, when it is told to end."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from dramatiq import Broker

from services.database import transaction
from services.jobs import actors, worker
from services.jobs.recurring.clock import Clock
from services.jobs.worker_resources import DurableResources

eaten: list[bytes] = []


def gate_is_open() -> bool:
    return Path(os.environ["GATE"]).exists()


class SlowClock(Clock):
    async def run(self) -> NoReturn:
        try:
            await super().run()
        finally:
            while not gate_is_open():
                with suppress(asyncio.CancelledError):  # it is told again and again
                    await asyncio.sleep(0.05)


def declare_odd_actors(broker: Broker, resources: DurableResources) -> None:
    async def hang(slug: str) -> None:
        async with transaction(resources.catalog) as raw:
            await raw.execute("SELECT FROM catalog.products WHERE slug = $1 FOR UPDATE", slug)
            await asyncio.Event().wait()

    async def eat(mebibytes: int) -> None:
        eaten.append(b"x" * (mebibytes * 2**20))
        while not gate_is_open():
            await asyncio.sleep(0.05)

    actors.declare_durable_actors(broker, resources)
    actors._declare(broker, "tests.hang", hang, 0.5)
    actors._declare(broker, "tests.eat", eat)


if __name__ == "__main__":
    vars(worker)["declare_durable_actors"] = declare_odd_actors
    vars(worker)["Clock"] = SlowClock
    worker.main("durable")
