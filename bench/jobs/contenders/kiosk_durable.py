"""Our durable backend: jobs enqueued as a web process enqueues them, and the worker as `services.jobs.worker`
puts it together, with one actor that does nothing. `BENCH_ACTOR=plain` makes that actor a plain function
instead of a coroutine; the shop's own are all coroutines."""

from __future__ import annotations

import asyncio
import os
import time

import uvloop
from databases import Database
from dramatiq.middleware import AsyncIO, TimeLimit

from bench.jobs.contenders.program import CONCURRENCY, DATABASE_URL, Store, main, ran
from bench.jobs.contenders.worker import run_worker
from services.database import connection, open_database, role_url, transaction
from services.jobs.backend import NewJob
from services.jobs.durable_backend import DurableBackend
from services.jobs.durable_broker import DurableBroker
from services.jobs.observation import Observation
from services.jobs.worker_row import WorkerRow
from services.queue import enqueue
from services.settings import DatabaseSettings, WorkerSettings

_DATA = DatabaseSettings(database_url=DATABASE_URL)
_ACTOR = "bench.run"


def _database(pool_max: int) -> Database:
    return open_database(role_url(_DATA, "jobs"), _DATA, pool_max=pool_max, name="bench")


def store() -> Store:
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    database = _database(1)
    backend = DurableBackend(database)
    runner.run(database.connect())

    async def one(number: int) -> None:
        async with connection(database) as raw:
            await enqueue(raw, _ACTOR, number)

    async def many(numbers: range) -> None:
        await backend.enqueue_many([NewJob(actor=_ACTOR, args=(number,)) for number in numbers])

    async def inside(seconds: float) -> int:
        jobs, until = 0, time.monotonic() + seconds
        async with transaction(database) as raw:
            while time.monotonic() < until:
                await enqueue(raw, _ACTOR, jobs)
                jobs += 1
        return jobs

    return Store(
        lambda number: runner.run(one(number)),
        lambda numbers: runner.run(many(numbers)),
        lambda seconds: runner.run(inside(seconds)),
    )


async def run(number: int) -> None:
    ran(number)


def work() -> None:
    settings, observation = WorkerSettings(worker_threads=CONCURRENCY), Observation("durable")
    row = WorkerRow(
        "durable", "bench", ["default"], CONCURRENCY, settings.job_lease_seconds, observation.running
    )
    middleware = [observation, TimeLimit(), AsyncIO()]
    broker = DurableBroker(lambda: _database(4), settings, row, middleware)
    run_worker(broker, _ACTOR, ran if os.environ.get("BENCH_ACTOR") == "plain" else run)


if __name__ == "__main__":
    main(store, work)
