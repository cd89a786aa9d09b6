"""`python -m tests.faults.soak_worker`: a durable worker, as it is, with two actors besides that keep a book
of what they did. `tests.stock_product` takes over a product's stock level by the shop's own use case, and
tells when it began and when it ended; `tests.note` leaves one row. Both write down the lease by which they
ran."""

from __future__ import annotations

import asyncio
import os
from contextvars import ContextVar

import dramatiq
from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware

from services.catalog import availability
from services.database import connection
from services.jobs import actors, worker
from services.jobs.claims import Claim, ClaimedMessage
from services.jobs.worker_resources import DurableResources

_BEGIN = "INSERT INTO soak.effects (job_id, lease_token, worker) VALUES ($1, $2, $3)"
_END = "UPDATE soak.effects SET ended_at = clock_timestamp() WHERE lease_token = $1"
_NOTE = """
    INSERT INTO soak.effects (job_id, lease_token, worker, ended_at) VALUES ($1, $2, $3, clock_timestamp())
"""
# A restart of PostgreSQL is over in a second; what it interrupted comes again as soon.
_SOON = {"max_retries": 1_000_000, "min_backoff": 200, "max_backoff": 1_000}

claim_in_hand: ContextVar[Claim] = ContextVar("claim_in_hand")


class ShowClaim(Middleware):
    """Lets an actor see the claim by which it runs; dramatiq hands it the arguments alone."""

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        assert isinstance(message, ClaimedMessage)
        claim_in_hand.set(message.claim)


def declare_soak_actors(broker: Broker, resources: DurableResources) -> None:
    name = os.environ["SOAK_WORKER"]

    async def stock_product(number: int, hold_ms: int) -> None:
        claim = claim_in_hand.get()
        async with connection(resources.catalog) as raw:
            await raw.execute(_BEGIN, claim.job_id, claim.lease_token, name)
        levels = [availability.StockLevel(f"SOAK-{number}", number, 1)]
        await availability.refresh(resources.catalog, resources.catalog_cache, levels, 5)
        await asyncio.sleep(hold_ms / 1000)  # the job's work: a kill shall find it in the middle
        async with connection(resources.catalog) as raw:
            await raw.execute(_END, claim.lease_token)

    async def note() -> None:
        claim = claim_in_hand.get()
        async with connection(resources.catalog) as raw:
            await raw.execute(_NOTE, claim.job_id, claim.lease_token, name)

    actors.declare_durable_actors(broker, resources)
    broker.add_middleware(ShowClaim())
    actors._declare(broker, "tests.stock_product", stock_product, **_SOON)
    actors._declare(broker, "tests.note", note, **_SOON)


if __name__ == "__main__":
    vars(worker)["declare_durable_actors"] = declare_soak_actors
    worker.main("durable")
