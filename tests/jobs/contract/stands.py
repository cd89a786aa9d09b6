"""What the contract is tried on: a backend, and workers on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from services.jobs.backend import JobBackend, State
from tests.conftest import ROOT
from tests.jobs.conditions import eventually

Actor = Callable[..., Any] | tuple[Callable[..., Any], dict[str, Any]]
# Soon over: as an actor's options, in milliseconds.
SOON = {"min_backoff": 1, "max_backoff": 5}


@dataclass(frozen=True)
class Servers:
    """Where both backends find what they need; the database is this test's own."""

    database_url: str
    queue_url: str


class Stand(Protocol):
    """One backend under test. What it started ends with the test."""

    @property
    def backend(self) -> JobBackend: ...

    def work(self, *, threads: int = 4, **actors: Actor) -> None:
        """A worker in this process, of the queue `default`: `work(send=function)` knows the actor
        `tests.send`; `(function, options)` sets dramatiq's options besides. It takes a job of a dead worker
        within a few seconds."""
        ...

    async def has_looked(self) -> None:
        """Waits until every worker of `work()` has asked its backend for jobs again."""
        ...

    def start_process(self) -> subprocess.Popen[bytes]:
        """A worker in a process of its own, to be killed: `python -m tests.jobs.contract.process`."""
        ...


def start_process(name: str, servers: Servers, log: Path) -> subprocess.Popen[bytes]:
    """Runs `process.py` for a backend; its actors tell what they do by lines in files."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "tests.jobs.contract.process", name]
        command += [servers.database_url, servers.queue_url]
        return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


async def in_state(backend: JobBackend, job_id: str, *states: State) -> None:
    """Waits until the job is in one of the states."""

    async def there() -> bool:
        return (await backend.job(job_id)).card.state in states

    await eventually(there)


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
