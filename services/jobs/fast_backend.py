"""The backend of jobs in Redis: dramatiq's own keys, read in windows and changed by atomic scripts.

What Redis can't do honestly is not offered: priorities, unique keys, limits by key, finished jobs, and more
than the last failed attempt. `discard` deletes: a discarded fast job is gone for good, and can't be retried.
`running` means in a worker's hands, which holds a few more than it has threads.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from databases import Database
from redis.asyncio import Redis

from services.database import connection
from services.errors import DatabaseUnavailable, FieldError, Invalid, NotFound
from services.jobs.backend import (
    COUNT_MAX,
    STATES,
    BackendAway,
    BackendName,
    Batch,
    Feature,
    JobDetail,
    JobFilter,
    JobPage,
    NewJob,
    NotInState,
    NotOffered,
    QueueState,
    State,
    Verb,
)
from services.jobs.fast_answers import Answers
from services.jobs.fast_cards import Running, bounds_of, card_of, detail_of, fits, looks_inside
from services.jobs.fast_keys import QueueKeys
from services.jobs.fast_messages import ms_of, now_ms
from services.jobs.fast_pauses import set_paused, tell_workers
from services.jobs.fast_search import search
from services.jobs.fast_shelves import (
    SHELVES,
    Entry,
    Shelf,
    cursor_of,
    decoded,
    find,
    position_of,
    walk,
)
from services.jobs.fast_verbs import ALLOWED, FastVerbs
from services.jobs.queue_names import FAST_QUEUES
from services.queries import load_queries
from services.queue import fast_message
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.jobs")

_SQL = load_queries(__file__, "fast_pauses.sql")
_QUEUE_ROWS, _RUNNING_JOB = _SQL["queue_rows"], _SQL["running_job"]
_ACTOR = re.compile(r"[a-z_]+\.[a-z0-9_]+")  # as PostgreSQL checks it
_AT_ONCE = 2_000  # jobs stored in one transaction
_COUNT_WINDOWS = COUNT_MAX // 100


class FastBackend:
    """`redis` is a client with the request path's time limits, of the queue's database; `database` is where
    pauses and workers are known. `queues`: those that fast workers work on. `budget_seconds`: how long one
    request may wait for Redis."""

    name: BackendName = "fast"
    features: frozenset[Feature] = frozenset()

    def __init__(
        self,
        redis: Redis,
        database: Database,
        queues: Sequence[str] = FAST_QUEUES,
        *,
        budget_seconds: float = RedisSettings().redis_request_budget_seconds,
    ) -> None:
        self._redis, self._database, self._queues = redis, database, tuple(queues)
        self._answers = Answers(budget_seconds)
        self._verbs = FastVerbs(redis)

    async def enqueue(self, job: NewJob) -> str:
        """Raises NotOffered, ValueError (an actor's or queue's name that is none), BackendAway."""
        return (await self.enqueue_many([job]))[0]

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[str]:
        """Some thousand in a transaction: of more than that, the first may be there when the rest fails."""
        for job in jobs:
            self._check(job)
        ids = [str(uuid.uuid4()) for _ in jobs]
        async with self._answers.expected(walks=True):
            for first in range(0, len(jobs), _AT_ONCE):
                part = slice(first, first + _AT_ONCE)
                await self._store(ids[part], jobs[part])
        return ids

    async def queues(self) -> list[QueueState]:
        """Paused and workers as PostgreSQL has them. Raises BackendAway, DatabaseUnavailable."""
        async with connection(self._database) as raw:
            known = {row["queue"]: row for row in await raw.fetch(_QUEUE_ROWS)}
        async with self._answers.expected():
            return [await self._queue(queue, known.get(queue)) for queue in self._queues]

    async def pause(self, queue: str) -> None:
        """Also while Redis is away. Raises NotFound, DatabaseUnavailable."""
        await self._steer(queue, paused=True)

    async def resume(self, queue: str) -> None:
        await self._steer(queue, paused=False)

    async def counts(self) -> dict[State, int]:
        async with self._answers.expected():
            totals: dict[State, int] = dict.fromkeys(SHELVES, 0)
            for queue in self._queues:
                for shelf, jobs in (await self._sizes(queue)).items():
                    totals[shelf] += jobs
        return {state: min(totals[state], COUNT_MAX) for state in STATES if state in totals}

    async def jobs(self, wanted: JobFilter, cursor: str | None = None, limit: int = 50) -> JobPage:
        """State by state and queue by queue: what runs, is ready, scheduled, dead."""
        after = None if cursor is None else position_of(cursor)
        async with self._answers.expected(walks=True):
            found = await search(self._redis, self._shelves(wanted), wanted, after, limit + 1)
        cards = [card_of(entry) for entry in found.fitting[:limit]]
        if len(found.fitting) > limit:
            return JobPage(items=cards, next_cursor=cursor_of(found.fitting[limit - 1].position))
        if found.complete or found.last is None:
            return JobPage(items=cards)
        onwards = cursor_of(found.last.position)
        return JobPage(items=cards, next_cursor=onwards, searched_until=found.last.at)

    async def job(self, job_id: str, *, reveal: bool = False) -> JobDetail:
        async with self._answers.expected():
            entry = await self._find(job_id)
        if entry is None:
            raise NotFound()
        running = await self._running(job_id) if entry.shelf == "running" else None
        return detail_of(entry, running, reveal=reveal)

    async def retry(self, job_id: str) -> None:
        await self._apply_to(job_id, "retry")

    async def discard(self, job_id: str) -> None:
        """Deletes it for good. Raises NotFound, NotInState (a worker has it)."""
        await self._apply_to(job_id, "discard")

    async def count(self, wanted: JobFilter, at_most: int = COUNT_MAX) -> int:
        """Looks at no more than COUNT_MAX jobs."""
        bounds, jobs, windows = bounds_of(wanted), 0, 0
        async with self._answers.expected(walks=True):
            if not looks_inside(wanted):
                sizes = [(await self._sizes(queue))[shelf] for shelf, queue in self._shelves(wanted)]
                return min(sum(sizes), at_most)
            async for window in walk(self._redis, self._shelves(wanted), None, bounds):
                windows += 1
                jobs += sum(fits(entry, wanted, bounds) for entry in window)
                if jobs >= at_most or windows >= _COUNT_WINDOWS:
                    break
                await asyncio.sleep(0)  # a long look; others may want their turn
        return min(jobs, at_most)

    async def apply(
        self, verb: Verb, wanted: JobFilter, before: datetime, cursor: str | None, limit: int
    ) -> Batch:
        after = None if cursor is None else position_of(cursor)
        shelves = [one for one in self._shelves(wanted) if one[0] in ALLOWED[verb]]
        before_ms = ms_of(before)
        async with self._answers.expected(walks=True):
            found = await search(self._redis, shelves, wanted, after, limit, before_ms)
            changed = await self._verbs.apply(verb, found.fitting)
        onwards = None if found.complete else found.onwards()
        return Batch(
            seen=len(found.fitting), changed=changed, cursor=None if onwards is None else cursor_of(onwards)
        )

    def _check(self, job: NewJob) -> None:
        if job.priority or job.unique_key is not None or job.concurrency_key is not None:
            raise NotOffered("Jobs in Redis have no priority, unique key or limit by key")
        if job.queue not in self._queues:
            raise ValueError(f"no such job can be stored: no fast worker works on the queue {job.queue!r}")
        if not _ACTOR.fullmatch(job.actor):
            raise ValueError(f"no such job can be stored: {job.actor!r} is no name of an actor")
        if job.run_at is not None and job.run_at.tzinfo is None:
            raise ValueError("run_at must have a time zone")

    async def _store(self, ids: Sequence[str], jobs: Sequence[NewJob]) -> None:
        now = now_ms()
        async with self._redis.pipeline(transaction=True) as pipeline:
            for job_id, job in zip(ids, jobs, strict=True):
                keys = QueueKeys(job.queue)
                eta = None if job.run_at is None else round(ms_of(job.run_at))
                if eta is None or eta <= now:
                    pipeline.hset(keys.messages, job_id, fast_message(job_id, job.actor, job.args, job.queue))
                    pipeline.rpush(keys.ready, job_id)
                else:
                    message = fast_message(job_id, job.actor, job.args, job.queue, eta)
                    pipeline.hset(keys.delayed_messages, job_id, message)
                    pipeline.rpush(keys.delayed, job_id)
                    pipeline.zadd(keys.due, {job_id: eta})
            await pipeline.execute()

    async def _steer(self, queue: str, *, paused: bool) -> None:
        if queue not in self._queues:
            raise NotFound()
        await set_paused(self._database, queue, paused=paused)
        try:
            async with self._answers.expected():
                await tell_workers(self._redis, queue, paused=paused)
        except BackendAway:
            logger.debug("workers will see it with their heartbeat")

    async def _sizes(self, queue: str) -> dict[Shelf, int]:
        keys = QueueKeys(queue)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.llen(keys.ready)
            pipeline.hlen(keys.messages)
            pipeline.hlen(keys.delayed_messages)
            pipeline.zcard(keys.dead)
            ready, messages, scheduled, dead = await pipeline.execute()
        return {"running": max(0, messages - ready), "ready": ready, "scheduled": scheduled, "dead": dead}

    async def _queue(self, queue: str, row: Any) -> QueueState:
        sizes, keys = await self._sizes(queue), QueueKeys(queue)
        first = await self._redis.lindex(keys.ready, 0)
        oldest = None if first is None else decoded(await self._redis.hget(keys.messages, first))
        return QueueState(
            backend="fast",
            name=queue,
            paused=bool(row and row["paused"]),
            depth=min(sizes["ready"], COUNT_MAX),
            scheduled=min(sizes["scheduled"], COUNT_MAX),
            running=sizes["running"],
            oldest_seconds=0.0 if oldest is None else max(0.0, (now_ms() - oldest.queued_ms) / 1000),
            workers=row["workers"] if row else 0,
        )

    def _shelves(self, wanted: JobFilter) -> list[tuple[Shelf, str]]:
        """Where to look. Raises Invalid, as the other backend does, for what no text of a job can be."""
        for name in ("queue", "actor", "text", "error", "group"):
            if "\x00" in (getattr(wanted, name) or ""):
                raise Invalid([FieldError(name, "can't contain NUL")])
        queues = [queue for queue in self._queues if wanted.queue in {None, queue}]
        return [(shelf, queue) for shelf in SHELVES if wanted.state in {None, shelf} for queue in queues]

    async def _find(self, job_id: str) -> Entry | None:
        for queue in self._queues:
            if entry := await find(self._redis, queue, job_id):
                return entry
        return None

    async def _running(self, job_id: str) -> Running | None:
        try:
            async with connection(self._database) as raw:
                row = await raw.fetchrow(_RUNNING_JOB, job_id)
        except DatabaseUnavailable:
            return None
        return Running(row["worker"], row["started_at"]) if row else None

    async def _apply_to(self, job_id: str, verb: Verb) -> None:
        async with self._answers.expected():
            entry = await self._find(job_id)
            there = entry is not None
            changed = entry and entry.shelf in ALLOWED[verb] and await self._verbs.apply(verb, [entry])
        if not there:
            raise NotFound()
        if not changed:
            raise NotInState()
