"""What the dashboard, the API and the command line see and steer of the recurring tasks.

What changes something works on the caller's connection, so that it commits with the audit log's entry.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from asyncpg import Record
from databases import Database

from services.database import Connection, connection
from services.jobs.backend import State
from services.jobs.recurring.runs import start_run
from services.jobs.recurring.tasks import TASKS, Missed, Task, task_named
from services.queries import load_queries

_SQL = load_queries(__file__, "steering.sql")
_RECURRING_TASKS, _CLOCK_TIME = _SQL["recurring_tasks"], _SQL["clock_time"]
_PAUSE, _RESUME = _SQL["pause"], _SQL["resume"]


class RecurringTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is declared, and how far it has come. Times are UTC. `last_run_at` is when the last run
    was due or asked for; `last_state` is None when it never ran or its job was purged meanwhile."""

    name: str
    description: str
    cron: str
    in_words: str
    actor: str
    args: list[Any]
    missed: Missed
    paused_at: datetime | None
    next_run_at: datetime
    last_run_at: datetime | None
    last_job_id: str | None
    last_state: State | None


async def recurring_tasks(database: Database, tasks: Sequence[Task] = TASKS) -> list[RecurringTask]:
    """In the order of their declaration. Raises DatabaseUnavailable."""
    async with connection(database) as raw:
        rows = {row["name"]: row for row in await raw.fetch(_RECURRING_TASKS)}
    return [_joined(task, rows.get(task.name)) for task in tasks]


async def run_now(raw: Connection, name: str, tasks: Sequence[Task] = TASKS) -> uuid.UUID:
    """Starts a run besides those that are due, of a paused task too, and returns its job. Raises NotFound."""
    task = task_named(name, tasks)
    now: datetime = await raw.fetchval(_CLOCK_TIME)
    while True:  # a microsecond later when that very moment has a run already
        job_id = await start_run(raw, task, now, by_hand=True)
        if job_id is not None:
            return job_id
        now += datetime.resolution


async def pause(raw: Connection, name: str, tasks: Sequence[Task] = TASKS) -> None:
    """Leaves the task alone until it is resumed. A paused one stays as it is. Raises NotFound."""
    task = task_named(name, tasks)
    await raw.execute(_PAUSE, name, task.next_after(await raw.fetchval(_CLOCK_TIME)))


async def resume(raw: Connection, name: str, tasks: Sequence[Task] = TASKS) -> None:
    """One that is not paused stays as it is. Raises NotFound."""
    task = task_named(name, tasks)
    await raw.execute(_RESUME, name, task.next_after(await raw.fetchval(_CLOCK_TIME)))


def _joined(task: Task, row: Record | None) -> RecurringTask:
    """Without a row: no clock has seen the task yet."""
    job_id = row and row["last_job_id"]
    state = row["last_state"] if row and job_id else None
    return RecurringTask(
        name=task.name,
        description=task.description,
        cron=task.cron,
        in_words=task.in_words,
        actor=task.actor,
        args=list(task.args),
        missed=task.missed,
        paused_at=row["paused_at"] if row else None,
        next_run_at=row["next_run_at"] if row else task.next_after(datetime.now(UTC)),
        last_run_at=row["last_run_at"] if row else None,
        last_job_id=str(job_id) if job_id else None,
        last_state=cast("State | None", state),
    )
