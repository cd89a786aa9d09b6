"""`python -m tests.jobs.odd_worker`: a durable worker, as it is, with two actors besides. `tests.hang` locks
a product and never ends, but may take half a second only; `tests.eat` takes that many MiB of memory for
ever, and ends when the file GATE is there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from dramatiq import Broker

from services.database import transaction
from services.jobs import actors, worker
from services.jobs.worker_resources import DurableResources

eaten: list[bytes] = []


def declare_odd_actors(broker: Broker, resources: DurableResources) -> None:
    async def hang(slug: str) -> None:
        async with transaction(resources.catalog) as raw:
            await raw.execute("SELECT FROM catalog.products WHERE slug = $1 FOR UPDATE", slug)
            await asyncio.Event().wait()

    async def eat(mebibytes: int) -> None:
        eaten.append(b"x" * (mebibytes * 2**20))
        while not Path(os.environ["GATE"]).exists():
            await asyncio.sleep(0.05)

    actors.declare_durable_actors(broker, resources)
    actors._declare(broker, "tests.hang", hang, 0.5)
    actors._declare(broker, "tests.eat", eat)


if __name__ == "__main__":
    vars(worker)["declare_durable_actors"] = declare_odd_actors
    worker.main("durable")
