"""The workers there are, and were within the last hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from databases import Database

from services.database import connection
from services.jobs.backend import BackendName
from services.jobs.worker_row import RunningJob
from services.queries import load_queries

_WORKERS = load_queries(__file__, "worker_list.sql")["workers"]


class WorkerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process. `lost`: it fell silent without signing off; its jobs are taken back when their
    lease is over. `running`: what its last heartbeat said that it had in hand."""

    id: str
    backend: BackendName
    state: Literal["alive", "stopped", "lost"]
    host: str
    pid: int
    release: str
    queues: list[str]
    threads: int
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None
    running: list[RunningJob]


async def workers(database: Database) -> list[WorkerSeen]:
    """Those at work first; at most 500. Raises DatabaseUnavailable."""
    async with connection(database) as raw:
        return [_worker(row) for row in await raw.fetch(_WORKERS)]


def _worker(row: Any) -> WorkerSeen:
    return WorkerSeen(
        id=row["id"],
        backend=row["kind"],
        state="alive" if row["alive"] else "lost" if row["stopped_at"] is None else "stopped",
        host=row["host"],
        pid=row["pid"],
        release=row["release"],
        queues=list(row["queues"]),
        threads=row["threads"],
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        stopped_at=row["stopped_at"],
        running=msgspec.json.decode(row["current_jobs"], type=list[RunningJob]),
    )
