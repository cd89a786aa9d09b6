"""`python -m tests.jobs.contract.process NAME DATABASE_URL QUEUE_URL`: a worker to be killed. Its actors
write a line into a file, so that the test sees what they did."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from services.database import open_database, role_url
from services.errors import Conflict
from services.jobs.observation import Observation
from services.jobs.worker_row import WorkerRow
from services.settings import DatabaseSettings
from tests.jobs.conftest import QUICK, durable_worker
from tests.jobs.fast_worker import HEARTBEAT_SECONDS, fast_worker


def note(file: str, line: str) -> None:
    with Path(file).open("a") as written:
        written.write(f"{line}\n")


def hang(file: str, line: str) -> None:
    """Tells that it has begun, and never ends while the file `FILE.open` is missing."""
    note(file, line)
    while not Path(f"{file}.open").exists():
        time.sleep(0.02)  # the job's work, until the test opens the file


def hang_and_fail(file: str, line: str, fatal: bool) -> None:
    hang(file, line)
    raise Conflict("too late") if fatal else OSError("too late")


ACTORS: dict[str, Any] = {"note": note, "hang": hang, "hang_and_fail": hang_and_fail}


def _durable(database_url: str, _queue_url: str) -> AbstractContextManager[Any]:
    return durable_worker(database_url, QUICK, ACTORS)


@contextmanager
def _fast(database_url: str, queue_url: str) -> Iterator[None]:
    observation = Observation("fast")
    row = WorkerRow("fast", "test", ["default"], 2, HEARTBEAT_SECONDS, observation.running)
    data = DatabaseSettings(database_url=database_url)

    async def beat() -> None:
        async with open_database(role_url(data, "jobs"), data, pool_max=1, name="test") as database:
            while True:
                await row.beat(database)
                await asyncio.sleep(0.1)  # between two heartbeats

    threading.Thread(target=asyncio.run, args=(beat(),), daemon=True).start()
    with fast_worker(queue_url, ACTORS, heartbeat_seconds=HEARTBEAT_SECONDS, observation=observation):
        yield


WORKERS: dict[str, Callable[[str, str], AbstractContextManager[Any]]] = {"durable": _durable, "fast": _fast}


if __name__ == "__main__":
    with WORKERS[sys.argv[1]](sys.argv[2], sys.argv[3]):
        signal.pause()  # until the test kills it
