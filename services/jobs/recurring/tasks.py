"""What runs by the clock: the table of recurring tasks.

A task that is added here begins with its next due time; one that is taken out vanishes. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cronsim import CronSim

from services.errors import NotFound

Missed = Literal["skip", "once", "each"]


@dataclass(frozen=True, slots=True)
class Task:
    """`cron`: five fields as in crontab(5), or six with seconds first. `missed` tells what becomes of due
    times that no worker was there for: `skip` forgets them, `once` makes one run of them all, `each`
    makes one of each, the newest EACH_MAX. A run of `skip` or `once` whose predecessor still waits in the
    queue joins it. Raises cronsim.CronSimError for a wrong expression: at import."""

    name: str
    cron: str
    actor: str
    missed: Missed
    description: str
    args: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        self.next_after(datetime.now(UTC))

    def next_after(self, moment: datetime) -> datetime:
        return next(CronSim(self.cron, moment))

    def due_backwards(self, until: datetime) -> CronSim:
        """Due times before `until`, the newest first."""
        return CronSim(self.cron, until, reverse=True)

    @property
    def in_words(self) -> str:
        """Such as `Every 10 minutes`."""
        return CronSim(self.cron, datetime.now(UTC)).explain()


TASKS: tuple[Task, ...] = (
    Task(
        "catalog.rank",
        "23 3 * * *",
        "catalog.rank",
        "once",
        "Makes the views of the last 30 days the popularity of products, and forgets older ones",
    ),
    Task(
        "checkout.sweep",
        "*/10 * * * *",
        "checkout.sweep",
        "once",
        "Forgets carts nobody came back to, and keys and events nobody repeats any more",
    ),
    Task(
        "checkout.remind",
        "5-59/10 * * * *",
        "checkout.remind",
        "once",
        "Gives orders, payments and refunds that lost their job another one",
    ),
    Task(
        "jobs.purge",
        "3-59/10 * * * *",
        "jobs.purge",
        "once",
        "Deletes finished jobs after JOB_KEEP_DONE_HOURS, failed ones after JOB_KEEP_FAILED_DAYS",
    ),
    Task(
        "jobs.purge_statistics",
        "17 * * * *",
        "jobs.purge_statistics",
        "once",
        "Deletes statistics by age: minutes after 3 hours, ten minutes after 3 days, hours after 90 days",
    ),
    Task(
        "jobs.purge_staff",
        "37 * * * *",
        "jobs.purge_staff",
        "once",
        "Deletes ended sessions of the staff, and counters of wrong guesses and request keys after a day",
    ),
)


def task_named(name: str, tasks: Sequence[Task] = TASKS) -> Task:
    """Raises NotFound."""
    for task in tasks:
        if task.name == name:
            return task
    raise NotFound(f"There is no recurring task {name}")
