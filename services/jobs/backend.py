"""What a backend of jobs can be asked, whichever it is: the contract that `durable_backend` (PostgreSQL) and
`fast_backend` (Redis) keep, and that dashboard, API and command line speak.

A backend says in `features` what it can do; what is not there has no button. Every answer has a constant
cost: counts stop at COUNT_MAX, pages are keyset pages, and a filter that finds little gives up after a
bounded search and says how far it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from services.errors import Conflict, Unavailable

BackendName = Literal["durable", "fast"]
State = Literal["scheduled", "ready", "blocked", "running", "done", "dead", "crashed", "discarded"]
Verb = Literal["retry", "discard"]
Feature = Literal[
    "transactional",  # enqueue commits or rolls back with the caller's data
    "priority",
    "unique_key",
    "concurrency_key",
    "attempts",  # every attempt is kept, not only the last failure
    "done",  # finished jobs can be looked at
]
STATES: tuple[State, ...] = (
    "scheduled", "ready", "blocked", "running", "done", "dead", "crashed", "discarded",
)  # fmt: skip
RETRYABLE: frozenset[State] = frozenset({"dead", "crashed", "discarded"})
DISCARDABLE: frozenset[State] = frozenset({"scheduled", "ready", "blocked", "dead", "crashed"})
# What a bulk action looks at where its filter names no state: what was discarded stays so unless asked for.
IN_BULK: dict[Verb, tuple[State, ...]] = {
    "retry": ("dead", "crashed"),
    "discard": ("scheduled", "ready", "blocked", "dead", "crashed"),
}
COUNT_MAX = 100_000  # what is counted; more is shown as "100,000+"


class BackendAway(Unavailable):
    """The backend can't be reached; the fact `since` says since when, if that is known."""

    slug, title = "job-backend-unavailable", "This half of the jobs can't be reached right now"


class NotInState(Conflict):
    """The verb does not fit the job's state (any more)."""

    slug, title = "job-not-in-state", "The job is in another state"


class NotOffered(Conflict):
    """The backend has no such feature."""

    slug, title = "not-offered", "This backend can't do that"


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be stored. `run_at`: not before; `priority`: lower first; `unique_key`: merged with the job
    that waits under the same key; `concurrency_key`: at most `concurrency_max` of its jobs run at a time."""

    actor: str
    args: Sequence[Any] = ()
    queue: str = "default"
    run_at: datetime | None = None
    priority: int = 0
    unique_key: str | None = None
    concurrency_key: str | None = None
    concurrency_max: int = 1


class JobFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which jobs. `text` is looked for in the arguments, `error` in class and message of the last failure,
    both without regard to case; `since` and `until` bound the time that the state's list is ordered by;
    `group` is a failure group's fingerprint."""

    state: State | None = None
    queue: str | None = None
    actor: str | None = None
    text: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    group: str | None = None


class JobCard(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list. `arguments` is JSON, masked and cut to fit a line; `error` is `Class: message` of the
    last failure. `at` is the time that the list is ordered by: run_at of those that wait, started_at of
    those that run, finished_at of those that ended."""

    id: str
    backend: BackendName
    queue: str
    actor: str
    state: State
    arguments: str
    priority: int
    attempts: int
    enqueued_at: datetime
    at: datetime
    error: str | None = None


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first (those that wait: next first). `searched_until` is set when the search stopped before the
    page was full; `next_cursor` then goes on from there."""

    items: list[JobCard]
    next_cursor: str | None = None
    searched_until: datetime | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try of a job, when it was over. `outcome`: done, failed, released or crashed."""

    number: int
    outcome: str
    started_at: datetime | None
    finished_at: datetime
    duration_ms: float | None
    worker: str | None  # host:pid
    release: str | None
    error_class: str | None = None
    error_message: str | None = None
    traceback: str | None = None


class JobDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One job with all that is known. `args`, `kwargs` and the keys are masked unless they were asked to be
    revealed; `masked` tells whether anything is hidden. Of errors, what is private was never kept (see
    `failure_of`). `attempts`: oldest first."""

    card: JobCard
    args: list[Any]
    kwargs: dict[str, Any]
    masked: bool
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    failures: int
    crashes: int
    unique_key: str | None
    concurrency_key: str | None
    request_id: str | None
    traceparent: str | None
    group: str | None
    attempts: list[Attempt]


class QueueState(msgspec.Struct, frozen=True, kw_only=True):
    """One queue. None: not known, because the backend (or the sampler) is away. `depth` is what could run
    now, counted up to COUNT_MAX."""

    backend: BackendName
    name: str
    paused: bool
    depth: int | None
    scheduled: int | None
    running: int | None
    oldest_seconds: float | None
    workers: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of a bulk action did: jobs looked at and changed, and where the next step begins
    (None: it was the last)."""

    seen: int
    changed: int
    cursor: str | None


class JobBackend(Protocol):
    """All methods raise BackendAway (the durable one: DatabaseUnavailable) when the store is away."""

    name: BackendName
    features: frozenset[Feature]

    async def enqueue(self, job: NewJob) -> str:
        """Stores a job in a transaction of its own and returns its id. Raises NotOffered, ValueError."""
        ...

    async def enqueue_many(self, jobs: Sequence[NewJob]) -> list[str]:
        """All or none, in few round trips; ids in the same order."""
        ...

    async def queues(self) -> list[QueueState]: ...

    async def pause(self, queue: str) -> None:
        """Nothing more of the queue is begun; what runs, ends. Raises NotFound for a queue nobody knows."""
        ...

    async def resume(self, queue: str) -> None: ...

    async def counts(self) -> dict[State, int]:
        """How many jobs are in each state this backend has, each up to COUNT_MAX."""
        ...

    async def jobs(self, wanted: JobFilter, cursor: str | None = None, limit: int = 50) -> JobPage:
        """Raises Invalid for a cursor that is none."""
        ...

    async def job(self, job_id: str, *, reveal: bool = False) -> JobDetail:
        """Raises NotFound."""
        ...

    async def retry(self, job_id: str) -> None:
        """Back into its queue, to run now, with all its tries anew. Raises NotFound, NotInState."""
        ...

    async def discard(self, job_id: str) -> None:
        """It will not run (again); it can still be retried. Raises NotFound, NotInState."""
        ...

    async def count(self, wanted: JobFilter, at_most: int = COUNT_MAX) -> int:
        """How many jobs a filter finds, up to `at_most`: a bulk action's preview."""
        ...

    async def apply(
        self, verb: Verb, wanted: JobFilter, before: datetime, cursor: str | None, limit: int
    ) -> Batch:
        """One step of a bulk action: the verb to up to `limit` jobs that fit, and that came into their state
        before `before` (so that what fails again after a retry is not retried twice). Jobs whose
        state does not allow the verb are passed over; without a state in the filter, those of IN_BULK are
        meant. `seen` counts those that fit."""
        ...
