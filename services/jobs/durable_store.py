"""The durable broker's statements, one function each. All raise DatabaseUnavailable."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from asyncpg import Record
from databases import Database
from dramatiq import Message

from services.database import connection
from services.jobs.claims import Claim, ClaimedMessage
from services.jobs.verdicts import Verdict
from services.jobs.worker_row import WorkerRow
from services.queries import load_queries

_SQL = load_queries(__file__, "durable_broker.sql")
_ENQUEUE_MESSAGE, _CLAIM, _SETTLE = _SQL["enqueue_message"], _SQL["claim"], _SQL["settle"]
_RECOVER, _HAND_BACK_UNKNOWN = _SQL["recover"], _SQL["hand_back_unknown"]


async def enqueue_message(database: Database, message: Message[Any], delay_seconds: float) -> uuid.UUID:
    async with connection(database) as raw:
        job_id: uuid.UUID = await raw.fetchval(
            _ENQUEUE_MESSAGE,
            message.actor_name,
            msgspec.json.encode(message.args).decode(),
            msgspec.json.encode(message.kwargs).decode(),
            message.queue_name,
            delay_seconds,
            msgspec.json.encode(message.options).decode(),
        )
    return job_id


async def claim(
    database: Database, worker: WorkerRow, actors: Collection[str], jobs_max: int
) -> list[ClaimedMessage]:
    """Takes up to `jobs_max` ready jobs of these actors, the most urgent first."""
    async with connection(database) as raw:
        rows = await raw.fetch(_CLAIM, worker.id, list(worker.queues), list(actors), jobs_max)
    return [ClaimedMessage(row) for row in sorted(rows, key=_urgency)]


def _urgency(row: Record) -> tuple[Any, ...]:
    return row["priority"], row["run_at"], row["id"]


async def settle(
    database: Database, verdicts: Sequence[tuple[Claim, Verdict]], release: str
) -> set[uuid.UUID]:
    """Writes the verdicts of whatever claims still hold, and returns those claims' jobs."""
    columns = [
        (c.job_id, c.lease_token, v.outcome, v.delay_seconds, v.error_class, v.error_message, v.traceback)
        for c, v in verdicts
    ]
    async with connection(database) as raw:
        rows = await raw.fetch(_SETTLE, *(list(column) for column in zip(*columns, strict=True)), release)
    return {row["job_id"] for row in rows}


async def recover(
    database: Database, release: str, crashes_max: int, grace_seconds: float
) -> dict[uuid.UUID, str]:
    """Takes back what dead workers held; each job's new state: `queued`, or `crashed` after too many."""
    async with connection(database) as raw:
        rows = await raw.fetch(_RECOVER, crashes_max, release, grace_seconds)
    return {row["id"]: row["state"] for row in rows}


async def hand_back_unknown(database: Database, worker: WorkerRow, known: Collection[uuid.UUID]) -> int:
    """Returns to the queue what is leased to this worker without its knowing; how many that were."""
    async with connection(database) as raw:
        return len(await raw.fetch(_HAND_BACK_UNKNOWN, worker.id, list(known)))
