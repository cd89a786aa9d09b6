"""Jobs in PostgreSQL as the dashboard, the API and the command line see them: `JobBackend`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from asyncpg import Record
from databases import Database

from services.database import connection, transaction
from services.errors import NotFound
from services.jobs import durable_search
from services.jobs.backend import (
    COUNT_MAX,
    DISCARDABLE,
    RETRYABLE,
    Attempt,
    BackendName,
    Batch,
    Feature,
    JobDetail,
    JobFilter,
    JobPage,
    NewJob,
    NotInState,
    QueueState,
    State,
    Verb,
)
from services.jobs.masking import masked
from services.private_text import without_quotes
from services.queries import load_queries
from services.request_context import current_request

_SQL = load_queries(__file__, "durable_backend.sql")
_ENQUEUE_MANY, _QUEUES, _PAUSE, _COUNTS = (
    _SQL["enqueue_many"],
    _SQL["queues"],
    _SQL["pause"],
    _SQL["counts"],
)
_JOB, _RETRY_ONE, _DISCARD_ONE = _SQL["job"], _SQL["retry_one"], _SQL["discard_one"]
_JOBS_PER_ROUND_TRIP = 2_000


class DurableBackend:
    """`database` is reached by the role kiosk_jobs."""

    name: BackendName = "durable"
    features: frozenset[Feature] = frozenset(
        {"transactional", "priority", "unique_key", "concurrency_key", "attempts", "done"}
    )

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enqueue(self, job: NewJob) -> str:
        return (await self.enqueue_many([job]))[0]

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[str]:
        request = current_request.get()
        asked_by = (request and request.request_id, request and request.traceparent)
        ids: list[str] = []
        try:
            # One round trip is a transaction by itself.
            lend = connection if len(jobs) <= _JOBS_PER_ROUND_TRIP else transaction
            async with lend(self._database) as raw:
                for start in range(0, len(jobs), _JOBS_PER_ROUND_TRIP):
                    backlog = encoded(jobs[start : start + _JOBS_PER_ROUND_TRIP])
                    ids += map(str, await raw.fetchval(_ENQUEUE_MANY, backlog, *asked_by))
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise ValueError(f"no such job can be stored: {error}") from error
        return ids

    async def queues(self) -> list[QueueState]:
        async with connection(self._database) as raw:
            rows = await raw.fetch(_QUEUES, COUNT_MAX)
        return [
            QueueState(
                backend="durable",
                name=row["queue"],
                paused=row["paused"],
                depth=row["depth"],
                scheduled=row["scheduled"],
                running=row["running"],
                oldest_seconds=row["oldest_seconds"],
                workers=row["workers"],
            )
            for row in rows
        ]

    async def pause(self, queue: str) -> None:
        await self._set_paused(queue, paused=True)

    async def resume(self, queue: str) -> None:
        await self._set_paused(queue, paused=False)

    async def counts(self) -> dict[State, int]:
        async with connection(self._database) as raw:
            return {row["state"]: row["jobs"] for row in await raw.fetch(_COUNTS, COUNT_MAX)}

    async def jobs(self, wanted: JobFilter, cursor: str | None = None, limit: int = 50) -> JobPage:
        return await durable_search.page(self._database, wanted, cursor, limit)

    async def job(self, job_id: str, *, reveal: bool = False) -> JobDetail:
        async with connection(self._database) as raw:
            row = await raw.fetchrow(_JOB, _id(job_id))
        if row is None:
            raise NotFound()
        return _detail(row, reveal=reveal)

    async def retry(self, job_id: str) -> None:
        await self._change(_RETRY_ONE, job_id, RETRYABLE)

    async def discard(self, job_id: str) -> None:
        await self._change(_DISCARD_ONE, job_id, DISCARDABLE)

    async def count(self, wanted: JobFilter, at_most: int = COUNT_MAX) -> int:
        return await durable_search.count(self._database, wanted, at_most)

    async def apply(
        self, verb: Verb, wanted: JobFilter, before: datetime, cursor: str | None, limit: int
    ) -> Batch:
        return await durable_search.apply(self._database, verb, wanted, before, cursor, limit)

    async def _set_paused(self, queue: str, *, paused: bool) -> None:
        async with connection(self._database) as raw:
            if not await raw.fetch(_PAUSE, queue, paused):
                raise NotFound()

    async def _change(self, statement: str, job_id: str, states: Collection[State]) -> None:
        async with connection(self._database) as raw:
            row = await raw.fetchrow(statement, _id(job_id), durable_search.stored_states(states))
        if row is None:
            raise NotFound()
        if not row["changed"]:
            raise NotInState(f"The job is {row['state']}")


def encoded(jobs: Sequence[NewJob]) -> str:
    """The jobs as `jobs.enqueue_many()` takes them. Raises ValueError for a time without a zone."""
    for job in jobs:
        if job.run_at is not None and job.run_at.tzinfo is None:
            raise ValueError("run_at must have a time zone")
    return msgspec.json.encode(jobs).decode()


def _id(given: str) -> uuid.UUID:
    """Raises NotFound for what can't be a job's id."""
    try:
        return uuid.UUID(given)
    except ValueError:
        raise NotFound() from None


def _detail(row: Record, *, reveal: bool) -> JobDetail:
    args: list[Any] = msgspec.json.decode(row["args"])
    kwargs: dict[str, Any] = msgspec.json.decode(row["kwargs"])
    (shown, hidden), (shown_named, hidden_named) = masked(args), masked(kwargs)
    keys = [row["unique_key"], row["concurrency_key"]]
    shown_keys = [key and without_quotes(key) for key in keys]
    unique_key, concurrency_key = keys if reveal else shown_keys
    return JobDetail(
        card=durable_search.card(row),
        args=args if reveal else shown,
        kwargs=kwargs if reveal else shown_named,
        masked=not reveal and (hidden or hidden_named or keys != shown_keys),
        run_at=row["run_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        worker=row["worker"],
        failures=row["failures"],
        crashes=row["crashes"],
        unique_key=unique_key,
        concurrency_key=concurrency_key,
        request_id=row["request_id"],
        traceparent=row["traceparent"],
        group=row["fingerprint"],
        attempts=msgspec.json.decode(row["attempts"], type=list[Attempt]),
    )
