"""The durable backend under test."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec

from services.database import open_database, role_url
from services.jobs.durable_backend import DurableBackend
from services.settings import DatabaseSettings
from tests.jobs.conditions import eventually
from tests.jobs.conftest import QUICK, RunningWorker, durable_worker
from tests.jobs.contract.stands import Actor, Servers, start_process


class DurableStand:
    def __init__(self, servers: Servers, backend: DurableBackend, ends: ExitStack, log: Path) -> None:
        self.backend, self._servers, self._ends, self._log = backend, servers, ends, log
        self._workers: list[RunningWorker] = []

    def work(self, *, threads: int = 4, **actors: Actor) -> None:
        settings = msgspec.structs.replace(QUICK, worker_threads=threads)
        worker = self._ends.enter_context(durable_worker(self._servers.database_url, settings, actors))
        self._workers.append(worker)

    async def has_looked(self) -> None:
        """A claim that began after this was called has come back."""
        owner = await asyncpg.connect(self._servers.database_url)
        try:
            since = await owner.fetchval("SELECT clock_timestamp()")
            query = (
                "SELECT count(*) = $2 FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'kiosk-test' AND query LIKE '%WITH ready%'"
                " AND state = 'idle' AND query_start > $1"
            )
            await eventually(lambda: owner.fetchval(query, since, len(self._workers)))
        finally:
            await owner.close()

    def start_process(self) -> subprocess.Popen[bytes]:
        process = start_process("durable", self._servers, self._log)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process


@asynccontextmanager
async def durable_stand(servers: Servers, folder: Path) -> AsyncIterator[DurableStand]:
    data = DatabaseSettings(database_url=servers.database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=4, name="test-backend")
    await database.connect()
    try:
        with ExitStack() as ends:
            yield DurableStand(servers, DurableBackend(database), ends, folder / "worker.log")
    finally:
        await database.disconnect()
