"""The durable broker's statements, one function each. All raise DatabaseUnavailable."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
_ENQUEUE_MESSAGE, _CLAIM, _BLOCK = _SQL["enqueue_message"], _SQL["claim"], _SQL["block"]
_SETTLE = _SQL["settle"]
_RECOVER, _HAND_BACK_UNKNOWN, _UNBLOCK = _SQL["recover"], _SQL["hand_back_unknown"], _SQL["unblock"]


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job whose worker went away with it. `state` is its new one: `queued`, or `crashed` after too many."""

    job_id: uuid.UUID
    queue: str
    actor: str
    state: str


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
    database: Database, worker: WorkerRow, actors: Collection[str], jobs_max: int, at_once: int
) -> tuple[list[ClaimedMessage], int]:
    """Takes up to `jobs_max` ready jobs of these actors, the most urgent first; `at_once` of them begin at
    once. Also tells how many more it looked at that are blocked by their key now: there may be others
    behind them."""
    async with connection(database) as raw:
        rows = await raw.fetch(_CLAIM, worker.id, list(worker.queues), list(actors), jobs_max, at_once)
        claimed = [row for row in rows if row["lease_token"] is not None]
        blocked = 0
        if left := [row["id"] for row in rows if row["lease_token"] is None]:
            # A second round trip for jobs with a key alone: others claim the faster without it.
            blocked = len(await raw.fetch(_BLOCK, left))
    return [ClaimedMessage(row) for row in sorted(claimed, key=_urgency)], blocked


def _urgency(row: Record) -> tuple[Any, ...]:
    return row["priority"], row["run_at"], row["id"]


async def settle(
    database: Database, verdicts: Sequence[tuple[Claim, Verdict, float]], release: str
) -> set[uuid.UUID]:
    """Writes the verdicts of whatever claims still hold, and returns those claims' jobs. With each come the
    seconds from its claim until it began."""
    columns = [(c.job_id, c.lease_token, *v.columns(), waited) for c, v, waited in verdicts]
    async with connection(database) as raw:
        rows = await raw.fetch(_SETTLE, *(list(column) for column in zip(*columns, strict=True)), release)
    return {row["job_id"] for row in rows}


async def recover(
    database: Database,
    release: str,
    crashes_max: int,
    grace_seconds: float,
    given_up: Collection[uuid.UUID] = (),
) -> list[Recovered]:
    """Takes back what dead workers held, and the leases `given_up` by a live one."""
    async with connection(database) as raw:
        rows = await raw.fetch(_RECOVER, crashes_max, release, grace_seconds, list(given_up))
    return [Recovered(row["id"], row["queue"], row["actor"], row["state"]) for row in rows]


async def hand_back_unknown(database: Database, worker: WorkerRow, known: Collection[uuid.UUID]) -> int:
    """Returns to the queue what is leased to this worker without its knowing; how many that were."""
    async with connection(database) as raw:
        return len(await raw.fetch(_HAND_BACK_UNKNOWN, worker.id, list(known)))


async def unblock(database: Database) -> int:
    """Returns to the queue what is blocked while its key has slots to spare; how many that were."""
    async with connection(database) as raw:
        return len(await raw.fetch(_UNBLOCK))
