"""A worker's row in `jobs.workers`: who it is, that it lives, what it runs. For the durable worker
the row is also the lease of every job it holds, renewed by each heartbeat."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from databases import Database

from services.database import connection
from services.queries import load_queries

_SQL = load_queries(__file__, "worker_row.sql")
_BEAT, _LEAVE, _FORGET_WORKERS = _SQL["beat"], _SQL["leave"], _SQL["forget_workers"]


class RunningJob(msgspec.Struct, frozen=True):
    """A job in a worker's hands at this moment."""

    id: str
    actor: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker process. `running` tells what it runs now; each process run has an id of its own."""

    kind: str
    release: str
    queues: Sequence[str]
    threads: int
    lease_seconds: float
    running: Callable[[], list[RunningJob]]
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    async def beat(self, database: Database) -> None:
        """Says "alive" and forgets the workers of last week. Raises DatabaseUnavailable."""
        async with connection(database) as raw:
            await raw.execute(
                _BEAT,
                self.id,
                self.kind,
                socket.gethostname(),
                os.getpid(),
                self.release,
                list(self.queues),
                self.threads,
                self.lease_seconds,
                msgspec.json.encode(self.running()).decode(),
            )
            await raw.execute(_FORGET_WORKERS)

    async def leave(self, database: Database) -> None:
        """Says "stopped in good order". Raises DatabaseUnavailable."""
        async with connection(database) as raw:
            await raw.execute(_LEAVE, self.id)
