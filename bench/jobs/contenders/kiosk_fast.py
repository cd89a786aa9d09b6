"""Our fast backend: jobs handed over as a web process hands them over, and the worker as
`services.jobs.worker` puts it together, with one actor that does nothing."""

from __future__ import annotations

import asyncio

import uvloop
from dramatiq.middleware import AsyncIO, TimeLimit

from bench.jobs.contenders.program import DATABASE_URL, REDIS_URL, Store, main, ran
from bench.jobs.contenders.worker import run_worker
from services.database import open_database, role_url
from services.jobs.backend import NewJob
from services.jobs.fast_backend import FastBackend
from services.jobs.fast_broker import FastBroker, FastRetries
from services.jobs.observation import Observation
from services.queue import FastJob, FastQueue
from services.redis_client import connect
from services.settings import DatabaseSettings, RedisSettings, WorkerSettings

_SETTINGS = RedisSettings(redis_queue_url=REDIS_URL)
_JOB = FastJob("bench.run", when_redis_is_away="drop")


def store() -> Store:
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    data = DatabaseSettings(database_url=DATABASE_URL)

    async def opened() -> tuple[FastQueue, FastBackend]:
        database = open_database(role_url(data, "jobs"), data, pool_max=1, name="bench")
        return FastQueue(_SETTINGS), FastBackend(connect(REDIS_URL, _SETTINGS), database)

    queue, backend = runner.run(opened())

    async def many(numbers: range) -> None:
        await backend.enqueue_many([NewJob(actor=_JOB.actor, args=(number,)) for number in numbers])

    return Store(lambda number: runner.run(queue.enqueue(_JOB, number)), lambda jobs: runner.run(many(jobs)))


async def run(number: int) -> None:
    ran(number)


def work() -> None:
    middleware = [Observation("fast"), TimeLimit(), FastRetries(), AsyncIO()]
    broker = FastBroker(_SETTINGS, WorkerSettings().job_lease_seconds, middleware)
    run_worker(broker, _JOB.actor, run)


if __name__ == "__main__":
    main(store, work)
