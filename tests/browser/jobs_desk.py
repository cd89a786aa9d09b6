"""The jobs dashboard with a durable worker behind it: real processes on a database of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from ops.local.ports import free_port
from ops.local.valkey import TemporaryValkey
from tests.conftest import NO_GATEWAY, PATIENT, PATIENT_WITH_REDIS, ROOT, Databases
from tests.store import wait_until

T = TypeVar("T")
PASSWORD = "a password for the browser"


@dataclass(frozen=True)
class Desk:
    url: str
    database_url: str

    def ask(self, question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Asks or writes as the owner. In a thread of its own: Playwright keeps this one's event loop."""

        async def connected() -> T:
            owner = await asyncpg.connect(self.database_url)
            try:
                return await question(owner)
            finally:
                await owner.close()

        answer: T = in_thread(connected)
        return answer


def in_thread(ask: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(ask())).result()


@contextmanager
def open_desk(
    databases: Databases,
    valkey: TemporaryValkey,
    folder: Path,
    prepare: Callable[[asyncpg.Connection], Awaitable[None]],
) -> Iterator[Desk]:
    """`prepare` fills the database before anybody is at work."""
    database_url: str = in_thread(databases.copy)
    port = free_port()
    desk = Desk(f"http://127.0.0.1:{port}", database_url)
    desk.ask(prepare)
    variables = {
        "ENVIRONMENT": "test",
        "RELEASE": "2026.5.2",
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey.url,
        "REDIS_QUEUE_URL": valkey.queue_url,
        "PUBLIC_URL": desk.url,
        "APP_PORT": str(port),
        "OPS_PORT": "0",
        "STAFF_ADMIN_PASSWORD": PASSWORD,
        "JOB_POLL_SECONDS": "0.1",
        "LAME_DUCK_SECONDS": "0",
        **NO_GATEWAY,
        **PATIENT,
        **PATIENT_WITH_REDIS,
    }
    started = [_start(name, variables, folder) for name in ("jobs", "worker-durable")]
    try:
        wait_until(lambda: _answers(f"{desk.url}/jobs/login"), "an open login", 60)
        yield desk
    finally:
        for process in started:
            process.kill()
            process.wait()
        in_thread(lambda: databases.drop(database_url))


def _start(name: str, variables: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        command = [sys.executable, "-m", "services", name]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}, stdout=log, stderr=log)


def _answers(url: str) -> bool:
    """Whether the login is open: the first account is made after the start."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
