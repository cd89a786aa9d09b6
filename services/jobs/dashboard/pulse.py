"""How the jobs stand now: looked up once for all who ask, at most every two seconds, and less often where
looking takes long. The overview shows it, every page's head has its badges, and live figures come from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from databases import Database

from services.database import connection
from services.errors import DatabaseUnavailable
from services.jobs.backend import (
    BackendAway,
    BackendName,
    JobBackend,
    JobFilter,
    QueueState,
    State,
)
from services.jobs.dashboard.troubles import Trouble, troubles_of
from services.jobs.dashboard.words import count, waited
from services.jobs.recurring.steering import recurring_tasks
from services.jobs.worker_list import WorkerSeen, workers
from services.lifecycle import Lifecycle
from services.queries import load_queries
from services.settings import QueueSettings

if TYPE_CHECKING:
    from services.jobs.resources import Jobs

_BULK_AT_WORK = load_queries(__file__, "pulse.sql")["bulk_at_work"]
EVERY_SECONDS = 2.0
# A look may take up to a twentieth of the time; with many jobs it becomes rarer, not dearer.
_REST_PER_LOOK = 20
_REST_AFTER_FAILURE_SECONDS = 0.5
_DEAD_COUNTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Half:
    """One backend. When it is away, `counts` and `queues` are empty and `away_since` tells since when."""

    name: BackendName
    counts: dict[State, int] = field(default_factory=dict)
    queues: tuple[QueueState, ...] = ()
    dead_lately: int = 0  # dead or crashed within the hour, up to 1,000
    away_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything at one moment. `figures` are the texts that pages show, by name; `digests` change when a
    part of a page is not true any more."""

    at: datetime
    halves: dict[BackendName, Half]
    workers: tuple[WorkerSeen, ...]
    troubles: tuple[Trouble, ...]
    figures: dict[str, str]
    digests: dict[str, str]


class Pulse:
    """One per process. `listeners` are the streams of live figures that are open."""

    def __init__(self, lifecycle: Lifecycle | None = None, settings: QueueSettings | None = None) -> None:
        self.lifecycle = lifecycle or Lifecycle()
        self._settings = settings or QueueSettings()
        self.listeners = 0
        self._lock = asyncio.Lock()
        self._good_until = 0.0
        self._forgotten = 0
        self._failure: DatabaseUnavailable | None = None
        self._away_since: dict[BackendName, datetime] = {}
        self.last: Standing | None = None

    async def standing(self, jobs: Jobs) -> Standing:
        """Not older than a look's rest. Raises DatabaseUnavailable: one look fails for all who wait for it,
        who would else find out one after the other."""
        if time.monotonic() >= self._good_until:
            async with self._lock:
                if time.monotonic() >= self._good_until:
                    await self._look_again(jobs)
        if self._failure is not None:
            raise DatabaseUnavailable() from self._failure
        assert self.last is not None
        return self.last

    async def _look_again(self, jobs: Jobs) -> None:
        begun, forgotten = time.monotonic(), self._forgotten
        try:
            self.last, self._failure = await self._look(jobs), None
            rest = max(EVERY_SECONDS * 0.9, (time.monotonic() - begun) * _REST_PER_LOOK)
        except DatabaseUnavailable as error:
            self._failure, rest = error, _REST_AFTER_FAILURE_SECONDS
        # What was done while this one looked, it may not have seen.
        self._good_until = time.monotonic() + rest if forgotten == self._forgotten else 0.0

    def forget(self) -> None:
        """Something was done: whoever looks next wants to see it."""
        self._forgotten += 1
        self._good_until = 0.0

    async def _look(self, jobs: Jobs) -> Standing:
        now, oldest_seconds_max = datetime.now(UTC), self._settings.job_oldest_seconds_max
        halves = {name: await self._half(backend, now) for name, backend in jobs.backends.items()}
        seen = tuple(await workers(jobs.database))
        tasks = await recurring_tasks(jobs.database)
        found = tuple(troubles_of([*halves.values()], seen, tasks, now, oldest_seconds_max))
        figures = _figures(halves) | await _bulk_figures(jobs.database)
        digests = {
            "workers": repr([(one.id, one.state, [job.id for job in one.running]) for one in seen]),
            "troubles": repr([(one.text, one.grade) for one in found]),
            "queues": repr([(queue.name, queue.paused) for half in halves.values() for queue in half.queues]),
        }
        return Standing(now, halves, seen, found, figures, digests)

    async def _half(self, backend: JobBackend, now: datetime) -> Half:
        hour = now - timedelta(hours=1)
        try:
            counts = await backend.counts()
            queues = tuple(await backend.queues())
            lately = 0
            for state in ("dead", "crashed"):
                if counts.get(state):
                    lately += await backend.count(JobFilter(state=state, since=hour), _DEAD_COUNTED_MAX)
        except BackendAway as error:
            since = error.facts.get("since") or self._away_since.setdefault(backend.name, now)
            self._away_since[backend.name] = since
            return Half(backend.name, away_since=since)
        self._away_since.pop(backend.name, None)
        return Half(backend.name, counts, queues, lately)


def _figures(halves: dict[BackendName, Half]) -> dict[str, str]:
    figures: dict[str, str] = {}
    dead = 0
    for name, half in halves.items():
        for state, value in half.counts.items():
            figures[f"count.{name}.{state}"] = count(value)
        dead += half.counts.get("dead", 0) + half.counts.get("crashed", 0)
        for queue in half.queues:
            figures |= _queue_figures(queue)
    figures["badge.dead"] = count(dead)
    return figures


def _queue_figures(queue: QueueState) -> dict[str, str]:
    key = f"queue.{queue.backend}.{queue.name}."
    say: dict[str, Callable[[QueueState], str]] = {
        "depth": lambda one: count(one.depth),
        "scheduled": lambda one: count(one.scheduled),
        "running": lambda one: count(one.running),
        "oldest": lambda one: waited(one.oldest_seconds),
        "workers": lambda one: str(one.workers),
    }
    return {key + name: told(queue) for name, told in say.items()}


async def _bulk_figures(database: Database) -> dict[str, str]:
    async with connection(database) as raw:
        rows = await raw.fetch(_BULK_AT_WORK)
    figures = {"badge.bulk": str(len(rows))}
    for row in rows:
        figures[f"bulk.{row['id']}.seen"] = str(row["seen"])
        figures[f"bulk.{row['id']}.changed"] = f"{row['changed']:,}"
    return figures
