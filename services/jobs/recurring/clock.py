"""The clock of the recurring tasks. It runs in every durable worker, and any one of them will do.

A look locks the tasks' rows, starts what is due and moves the rows on, in one transaction; a clock that
finds a row locked leaves that task to the other. So a run starts once, or not at all and is seen to by the
next look, whoever dies when.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

import sentry_sdk
from asyncpg import Record
from databases import Database

from services.database import Connection, transaction
from services.errors import DatabaseUnavailable
from services.jobs.recurring.due import due_runs
from services.jobs.recurring.runs import start_run
from services.jobs.recurring.tasks import TASKS, Task
from services.queries import load_queries

logger = logging.getLogger("kiosk.jobs")

_SQL = load_queries(__file__, "clock.sql")
_HOLD_TASKS, _KEEP_TASKS = _SQL["hold_tasks"], _SQL["keep_tasks"]


class Clock:
    """`every_seconds` is how long it rests at most between two looks; it wakes when something is due."""

    def __init__(self, database: Database, every_seconds: float, tasks: Sequence[Task] = TASKS) -> None:
        self._database, self._tasks = database, {task.name: task for task in tasks}
        self._every = timedelta(seconds=every_seconds)

    async def run(self) -> NoReturn:
        """Looks for ever. Outlives PostgreSQL's restarts: what was due meanwhile is then due still."""
        while True:
            rest = self._every
            try:
                rest = min(rest, await self.look())
            except DatabaseUnavailable as error:
                logger.debug("the clock stands: the database is away", extra={"facts": {"why": repr(error)}})
            except Exception as error:
                logger.exception("unexpected error in the clock")
                sentry_sdk.capture_exception(error)
            await asyncio.sleep(rest.total_seconds())

    async def look(self) -> timedelta:
        """Starts what is due and returns the time until the next is. Raises DatabaseUnavailable."""
        async with transaction(self._database) as raw:
            rows = await raw.fetch(_HOLD_TASKS, list(self._tasks))
            now: datetime = rows[0]["now"]
            held = [row for row in rows if row["name"] is not None]
            for row in held:
                await self._start_due(raw, row, now)
            return await self._move_on(raw, [row["name"] for row in held], now)

    async def _start_due(self, raw: Connection, row: Record, now: datetime) -> None:
        if row["paused"]:
            return
        task = self._tasks[row["name"]]
        for run_at in due_runs(task, row["checked_until"], now):
            job_id = await start_run(raw, task, run_at)
            facts = {"task": task.name, "run_at": run_at, "job": job_id}
            logger.info("recurring task due", extra={"facts": facts})

    async def _move_on(self, raw: Connection, held: list[str], now: datetime) -> timedelta:
        next_runs = {name: task.next_after(now) for name, task in self._tasks.items()}
        others = [name for name in next_runs if name not in held]  # new ones, or in another clock's hands
        await raw.execute(
            _KEEP_TASKS,
            held,
            [next_runs[name] for name in held],
            others,
            now,
            [next_runs[name] for name in others],
        )
        soonest = min(next_runs.values(), default=now + self._every)
        return max(soonest - now, timedelta())
