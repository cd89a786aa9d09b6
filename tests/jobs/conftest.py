"""Workers for the tests: in this process with actors of the test's own, or real processes."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import asyncpg
import dramatiq
import pytest
from databases import Database

from ops.local.valkey import TemporaryValkey
from services.database import connection, open_database, role_url, transaction
from services.jobs.durable_broker import DurableBroker
from services.jobs.observation import Observation
from services.jobs.resources import Jobs
from services.jobs.worker_row import WorkerRow
from services.settings import DatabaseSettings, WorkerSettings
from tests.conftest import NO_GATEWAY, ROOT
from tests.jobs.backlog import open_backends

Owner: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

QUICK = WorkerSettings(
    worker_threads=4,
    worker_stop_seconds=5.0,
    job_lease_seconds=2.0,
    job_heartbeat_seconds=0.1,
    job_poll_seconds=0.1,
    job_crashes_max=2,
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """With PostgreSQL, for all of jobs that runs in this process: a connection is waited for a minute, as
    DATABASE_ACQUIRE_TIMEOUT_SECONDS says it elsewhere, instead of a second."""
    for way_in in (connection, transaction):
        monkeypatch.setattr(inspect.unwrap(way_in), "__defaults__", (60.0,))


@pytest.fixture
async def jobs_database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url, database_statement_timeout_seconds=20)
    database = open_database(role_url(data, "jobs"), data, pool_max=4, name="test")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
async def jobs(
    database_url: str, valkey: TemporaryValkey, environment: Callable[..., None]
) -> AsyncIterator[Jobs]:
    """Both backends, each empty."""
    environment(DATABASE_URL=database_url)
    async with open_backends() as jobs:
        await jobs.redis.flushdb()
        yield jobs


@dataclass(frozen=True)
class RunningWorker:
    broker: DurableBroker
    row: WorkerRow
    observation: Observation


class RunWorker(Protocol):
    def __call__(self, url: str, settings: WorkerSettings = QUICK, **actors: Any) -> RunningWorker: ...


@contextmanager
def durable_worker(url: str, settings: WorkerSettings, actors: dict[str, Any]) -> Iterator[RunningWorker]:
    """A durable worker of `actors`: `{"tests.name": function}`, or `(function, options)`."""
    data = DatabaseSettings(database_url=url)
    observation = Observation("durable")
    row = WorkerRow(
        "durable",
        "test",
        ["default"],
        settings.worker_threads,
        settings.job_lease_seconds,
        observation.running,
    )
    broker = DurableBroker(
        lambda: open_database(role_url(data, "jobs"), data, pool_max=4, name="test"),
        settings,
        row,
        [observation],
    )
    for name, actor in actors.items():
        function, options = actor if isinstance(actor, tuple) else (actor, {})
        dramatiq.actor(actor_name=f"tests.{name}", broker=broker, **options)(function)
    worker = dramatiq.Worker(broker, worker_threads=settings.worker_threads, worker_timeout=50)
    worker.start()
    try:
        yield RunningWorker(broker, row, observation)
    finally:
        broker.drain()
        worker.stop(round(settings.worker_stop_seconds * 1000))
        broker.close()


@pytest.fixture
def run_worker() -> Iterator[RunWorker]:
    """Starts in-process workers: `run_worker(url, send=function)` knows the actor `tests.send`."""
    with ExitStack() as stack:

        def run(url: str, settings: WorkerSettings = QUICK, **actors: Any) -> RunningWorker:
            return stack.enter_context(durable_worker(url, settings, actors))

        yield run


WorkerProcess = subprocess.Popen[bytes]
StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(tmp_path: Path, valkey: TemporaryValkey) -> Iterator[StartWorker]:
    """Starts real worker processes: `start_worker("worker-durable", DATABASE_URL=...)`. One that is to be
    killed or paused is given JOB_LEASE_SECONDS=1; the others keep theirs on a busy machine."""
    started: list[WorkerProcess] = []

    def start(name: str, module: str = "services", **variables: object) -> WorkerProcess:
        environment = {
            **os.environ,
            "ENVIRONMENT": "test",
            "REDIS_URL": valkey.url,
            "REDIS_QUEUE_URL": valkey.queue_url,
            **NO_GATEWAY,
            "JOB_HEARTBEAT_SECONDS": "0.1",
            "JOB_LEASE_SECONDS": "20",
            "JOB_POLL_SECONDS": "0.1",
            **{key: str(value) for key, value in variables.items()},
        }
        with (tmp_path / f"{name}-{uuid.uuid4().hex[:6]}.log").open("wb") as log:
            command = [sys.executable, "-m", module, name]
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
