"""What is wrong now, in plain words, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from services.jobs.backend import BackendName, QueueState
from services.jobs.dashboard.words import count, duration, plural, query
from services.jobs.recurring.due import MISSED_AFTER
from services.jobs.recurring.steering import RecurringTask
from services.jobs.worker_list import WorkerSeen

STORES: dict[BackendName, str] = {"durable": "PostgreSQL", "fast": "Redis"}
WITHOUT: dict[BackendName, str] = {
    "durable": "Nothing of it can be seen or steered.",
    "fast": "Meanwhile its jobs follow their policy: spilled to PostgreSQL, run at once, or dropped.",
}
Grade = Literal["bad", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Trouble:
    text: str
    grade: Grade
    hint: str = ""
    link: str = ""
    link_text: str = ""


class HalfSeen(Protocol):
    """What of one backend matters here (see `pulse.Half`)."""

    @property
    def name(self) -> BackendName: ...
    @property
    def queues(self) -> tuple[QueueState, ...]: ...
    @property
    def dead_lately(self) -> int: ...
    @property
    def away_since(self) -> datetime | None: ...


def troubles_of(
    halves: Sequence[HalfSeen],
    workers: Sequence[WorkerSeen],
    tasks: Sequence[RecurringTask],
    now: datetime,
    oldest_seconds_max: float,
) -> list[Trouble]:
    """`oldest_seconds_max` is JOB_OLDEST_SECONDS_MAX, by which /health judges too."""
    found = [
        *(trouble for half in halves for trouble in _of_half(half, oldest_seconds_max)),
        *_of_workers(workers),
        *_of_tasks(tasks, now),
    ]
    return sorted(found, key=lambda trouble: ("bad", "warning", "note").index(trouble.grade))


def _of_half(half: HalfSeen, oldest_seconds_max: float) -> Iterator[Trouble]:
    store = STORES[half.name]
    if half.away_since is not None:
        since = half.away_since.strftime("%H:%M:%S")
        yield Trouble(f"{store} is unreachable since {since} UTC.", "bad", WITHOUT[half.name])
    for queue in half.queues:
        yield from _of_queue(queue, oldest_seconds_max)
    if half.dead_lately:
        state = query(backend=half.name, state="dead")
        text = f"{plural(half.dead_lately, f'{half.name} job')} died in the last hour."
        yield Trouble(text, "warning", "", f"/jobs/list{state}", "Look at them")


def _of_queue(queue: QueueState, oldest_seconds_max: float) -> Iterator[Trouble]:
    name = f"{queue.backend}/{queue.name}"
    waiting = query(backend=queue.backend, state="ready", queue=queue.name)
    link = (f"/jobs/list{waiting}", "What waits")
    depth = queue.depth or 0
    if queue.paused:
        if depth:
            text = f"The queue {name} is paused; {_wait(depth)}."
            yield Trouble(text, "note", "", "/jobs/queues", "Queues")
        return
    if not queue.workers and (depth or queue.name == "default"):
        text = f"No worker serves the queue {name}" + (f"; {_wait(depth)}." if depth else ".")
        yield Trouble(text, "bad" if depth else "warning", "", "/jobs/workers", "Workers")
    if queue.oldest_seconds is not None and queue.oldest_seconds > oldest_seconds_max:
        old = duration(round(queue.oldest_seconds / 60) * 60)
        yield Trouble(f"The oldest job of {name} has waited for {old}.", "bad", "", *link)


def _wait(depth: int) -> str:
    return f"{count(depth)} {'job waits' if depth == 1 else 'jobs wait'}"


def _of_workers(workers: Sequence[WorkerSeen]) -> Iterator[Trouble]:
    lost = [worker for worker in workers if worker.state == "lost"]
    if lost:
        names = ", ".join(f"{worker.host}:{worker.pid}" for worker in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        text = f"{plural(len(lost), 'worker')} fell silent without signing off: {names}{more}."
        hint = "Its jobs are taken over." if len(lost) == 1 else "Their jobs are taken over."
        yield Trouble(text, "warning", hint, "/jobs/workers", "Workers")


def _of_tasks(tasks: Sequence[RecurringTask], now: datetime) -> Iterator[Trouble]:
    for task in tasks:
        late = now - task.next_run_at
        if task.paused_at is None and late > MISSED_AFTER:
            text = f"The recurring task {task.name} is overdue by {duration(_whole(late))}."
            yield Trouble(text, "bad", "", "/jobs/recurring", "Recurring tasks")


def _whole(time: timedelta) -> float:
    return float(round(time.total_seconds() / 60) * 60)
