"""A worker process: dramatiq's threads around one broker, with a door for the operator.

SIGTERM: claims nothing more, lets the jobs in hand finish for WORKER_STOP_SECONDS, cancels what is
left, hands it back to the queue, exits 0. Ten seconds later it is gone whatever hangs. A worker that holds
more than WORKER_MEMORY_MAX_MB does the same, and whoever keeps it running starts it anew.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn, TypeAlias

import asyncpg
import dramatiq
import uvloop
from databases import Database
from dramatiq.middleware import TimeLimit

from services import metrics
from services.database import open_database, role_url
from services.errors import DatabaseUnavailable
from services.jobs.actor_loop import ActorLoop
from services.jobs.actors import (
    declare_durable_actors,
    declare_fast_actors,
)
from services.jobs.durable_broker import DurableBroker
from services.jobs.fast_broker import FastBroker, FastRetries
from services.jobs.fast_duties import fast_duties
from services.jobs.memory import limit_mb, outgrown
from services.jobs.observation import Observation
from services.jobs.queue_names import DURABLE_QUEUES, FAST_QUEUES
from services.jobs.recurring.clock import Clock
from services.jobs.worker_resources import DurableResources, WorkerResources
from services.jobs.worker_row import WorkerRow
from services.lifecycle import Lifecycle
from services.logs import configure_logs
from services.ops_port import ops_app
from services.process import listen, server, stop_event
from services.service import await_schema, background
from services.settings import (
    CacheSettings,
    DatabaseSettings,
    ProcessSettings,
    RedisSettings,
    StoreSettings,
    WorkerSettings,
)
from services.telemetry import configure_sentry

logger = logging.getLogger("kiosk.worker")

_Broker: TypeAlias = DurableBroker | FastBroker

_CLOSE_SECONDS = 10.0
_FAST_SILENCE_SECONDS_MIN = 2.0
_WAKE_MS = 250  # how long an idle dramatiq thread sleeps before it looks whether to stop


def main(kind: str) -> None:
    """Runs `worker-durable` or `worker-fast` until it is told to stop."""
    uvloop.run(_run(kind))


async def _run(kind: str) -> None:
    process = ProcessSettings.read()
    configure_logs(f"worker-{kind}", process)
    configure_sentry(f"worker-{kind}", process)
    metrics.build_info.labels(f"worker-{kind}", process.release).set(1)
    asked, _ = stop_event()
    lifecycle = Lifecycle()
    async with _ops_port(lifecycle, process), _jobs_database() as database:
        waiting = asyncio.create_task(await_schema(database, "jobs", lifecycle))
        stop = asyncio.create_task(_told_to_stop(asked))
        await asyncio.wait({waiting, stop}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not stop.done():
            work = _work_durable if kind == "durable" else _work_fast
            async with work(process, database) as broker:
                lifecycle.started = True
                await stop
                broker.drain()  # first: who is told that it drains may count on it
                lifecycle.draining = True


async def _told_to_stop(asked: asyncio.Event) -> None:
    """Returns at the first signal, or when the process has grown too large."""
    settings = WorkerSettings.read()
    signal = asyncio.create_task(asked.wait())
    max_mb = limit_mb(settings.worker_memory_max_mb)
    growth = asyncio.create_task(outgrown(max_mb, settings.job_heartbeat_seconds))
    await asyncio.wait({signal, growth}, return_when=asyncio.FIRST_COMPLETED)
    if growth.done():
        facts = {"held_mb": round(growth.result()), "max_mb": round(max_mb)}
        logger.warning("too much memory held; ends after the jobs in hand", extra={"facts": facts})
    signal.cancel()
    growth.cancel()


@asynccontextmanager
async def _work_durable(process: ProcessSettings, database: Database) -> AsyncIterator[_Broker]:
    settings, data = WorkerSettings.read(), DatabaseSettings.read()
    resources = DurableResources(
        process, data, RedisSettings.read(), CacheSettings.read(), StoreSettings.read()
    )
    observation = Observation("durable")
    row = _worker_row("durable", process, settings, observation)
    broker = DurableBroker(
        lambda: open_database(role_url(data, "jobs"), data, pool_max=4, name="worker-durable"),
        settings,
        row,
        [observation, TimeLimit(), ActorLoop(resources)],
    )
    declare_durable_actors(broker, resources)
    clock = Clock(database, settings.job_heartbeat_seconds)
    async with (
        _counting(observation, database, settings),
        _working(broker, settings),
        background(clock.run),
    ):
        yield broker


@asynccontextmanager
async def _work_fast(process: ProcessSettings, database: Database) -> AsyncIterator[_Broker]:
    settings, redis = WorkerSettings.read(), RedisSettings.read()
    resources = WorkerResources(DatabaseSettings.read(), redis, CacheSettings.read(), StoreSettings.read())
    observation = Observation("fast")
    row = _worker_row("fast", process, settings, observation)
    broker = FastBroker(
        redis,
        # It asks Redis several times a second, so it need not be silent for a whole lease to be dead.
        max(_FAST_SILENCE_SECONDS_MIN, 2 * settings.job_heartbeat_seconds),
        [observation, TimeLimit(), FastRetries(), ActorLoop(resources)],
        process.release,
    )
    declare_fast_actors(broker, resources)
    beating = asyncio.create_task(_beat(row, database, settings.job_heartbeat_seconds))
    try:
        async with (
            _counting(observation, database, settings),
            fast_duties(broker, database, redis, process.release, settings.job_heartbeat_seconds),
            _working(broker, settings),
        ):
            yield broker
    finally:
        beating.cancel()
        await asyncio.wait([beating])  # a heartbeat after the sign-off would undo it
        await _leave(row, database)


@asynccontextmanager
async def _working(broker: _Broker, settings: WorkerSettings) -> AsyncIterator[None]:
    """Runs the threads; at the end stops them as the module's head says."""
    worker = dramatiq.Worker(broker, worker_threads=settings.worker_threads, worker_timeout=_WAKE_MS)
    broker.emit_after("process_boot")  # starts TimeLimit's clock, as dramatiq's own command line would
    await asyncio.to_thread(worker.start)
    try:
        yield
    finally:
        _exit_at_the_latest(settings.worker_stop_seconds + _CLOSE_SECONDS)
        broker.drain()
        await asyncio.to_thread(worker.stop, round(settings.worker_stop_seconds * 1000))
        await asyncio.to_thread(broker.close)


@asynccontextmanager
async def _counting(
    observation: Observation, database: Database, settings: WorkerSettings
) -> AsyncIterator[None]:
    """Writes the statistics in the heartbeat's rhythm, and what is left when the last job has ended."""

    async def flush() -> None:
        try:
            await observation.counts.flush(database)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            facts = {"why": repr(error)}
            logger.debug("statistics not written; they go with the next", extra={"facts": facts})

    async def keep_flushing() -> NoReturn:
        while True:
            await asyncio.sleep(settings.job_heartbeat_seconds)
            await flush()

    async with background(keep_flushing):
        yield
    await flush()


def _exit_at_the_latest(seconds: float) -> None:
    """However stuck a closing connection is, the process ends: leases end by themselves."""
    last_resort = threading.Timer(seconds, os._exit, (1,))
    last_resort.daemon = True
    last_resort.start()


async def _beat(row: WorkerRow, database: Database, every_seconds: float) -> NoReturn:
    """The fast worker's heartbeat. Best effort: its jobs do not depend on it."""
    while True:
        try:
            await row.beat(database)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            logger.debug("heartbeat not written", extra={"facts": {"why": repr(error)}})
        await asyncio.sleep(every_seconds)


async def _leave(row: WorkerRow, database: Database) -> None:
    try:
        await row.leave(database)
    except (DatabaseUnavailable, asyncpg.PostgresError) as error:
        logger.debug("sign-off not written", extra={"facts": {"why": repr(error)}})


@asynccontextmanager
async def _ops_port(lifecycle: Lifecycle, process: ProcessSettings) -> AsyncIterator[None]:
    ops = server(ops_app(lifecycle, process.release), process)
    serving = asyncio.create_task(ops.serve([listen(process.ops_host, process.ops_port)]))
    try:
        yield
    finally:
        ops.should_exit = ops.force_exit = True
        await serving


@asynccontextmanager
async def _jobs_database() -> AsyncIterator[Database]:
    data = DatabaseSettings.read()
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="worker")
    await database.connect()
    try:
        yield database
    finally:
        await database.disconnect()


def _worker_row(
    kind: str, process: ProcessSettings, settings: WorkerSettings, observation: Observation
) -> WorkerRow:
    return WorkerRow(
        kind=kind,
        release=process.release,
        queues=DURABLE_QUEUES if kind == "durable" else FAST_QUEUES,
        threads=settings.worker_threads,
        lease_seconds=settings.job_lease_seconds,
        running=observation.running,
    )
