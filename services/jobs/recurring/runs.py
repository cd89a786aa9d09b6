"""Starts a run of a recurring task, exactly once."""

from __future__ import annotations

import uuid
from datetime import datetime

from services.database import Connection
from services.jobs.recurring.tasks import Task
from services.queries import load_queries
from services.queue import enqueue

_SQL = load_queries(__file__, "clock.sql")
_BEGIN_RUN, _KEEP_RUN = _SQL["begin_run"], _SQL["keep_run"]


async def start_run(
    raw: Connection, task: Task, run_at: datetime, *, by_hand: bool = False
) -> uuid.UUID | None:
    """Enqueues the job of the run that was due (or asked for) at `run_at`, within the caller's transaction.
    None when that run was started before. Three round trips: the job must not be made when the run is
    another's, and the run can't name the job before it is made."""
    if await raw.fetchval(_BEGIN_RUN, task.name, run_at, by_hand) is None:
        return None
    waits_under = None if task.missed == "each" or by_hand else f"recurring {task.name}"
    job_id = await enqueue(raw, task.actor, *task.args, unique_key=waits_under)
    await raw.execute(_KEEP_RUN, task.name, run_at, job_id)
    return job_id
