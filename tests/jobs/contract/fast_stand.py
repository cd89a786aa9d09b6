"""The fast backend under test."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import NoReturn

from databases import Database
from redis.asyncio import Redis

from services.database import open_database, role_url
from services.jobs.backend import JobBackend
from services.jobs.fast_backend import FastBackend
from services.jobs.fast_broker import FastBroker
from services.jobs.fast_pauses import follow_pauses, paused_queues
from services.redis_client import connect
from services.service import end_tasks
from services.settings import DatabaseSettings
from tests.conftest import patient_redis
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import Actor, Servers, start_process
from tests.jobs.fast_worker import HEARTBEAT_SECONDS, fast_worker


class FastStand:
    def __init__(
        self, servers: Servers, database: Database, redis: Redis, ends: ExitStack, log: Path
    ) -> None:
        self.backend: JobBackend = FastBackend(redis, database)
        self._servers, self._database, self._redis = servers, database, redis
        self._ends, self._log = ends, log
        self._brokers: list[FastBroker] = []
        self.following: list[asyncio.Task[NoReturn]] = []

    def work(self, *, threads: int = 4, **actors: Actor) -> None:
        broker = self._ends.enter_context(
            fast_worker(self._servers.queue_url, actors, threads=threads, heartbeat_seconds=HEARTBEAT_SECONDS)
        )
        self._brokers.append(broker)
        self.following.append(asyncio.create_task(follow_pauses(broker, self._database, self._redis, 0.5)))

    async def has_looked(self) -> None:
        """It knows what is paused, and holds nothing that it fetched before."""

        async def all_know() -> bool:
            paused = await paused_queues(self._database)
            return all(one.paused == paused and not one.in_hand["default"] for one in self._brokers)

        await eventually(all_know)

    def start_process(self) -> subprocess.Popen[bytes]:
        process = start_process("fast", self._servers, self._log)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process


@asynccontextmanager
async def fast_stand(servers: Servers, folder: Path) -> AsyncIterator[FastStand]:
    data = DatabaseSettings(database_url=servers.database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=4, name="test-backend")
    redis = connect(servers.queue_url, patient_redis(servers.queue_url))
    await redis.flushdb()  # other tests use the server too
    await database.connect()
    try:
        with ExitStack() as ends:
            stand = FastStand(servers, database, redis, ends, folder / "worker.log")
            try:
                yield stand
            finally:
                await end_tasks(stand.following)
    finally:
        await database.disconnect()
        await redis.aclose()
