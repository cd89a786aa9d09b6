"""Which runs a task owes: pure arithmetic on times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from services.jobs.recurring.tasks import Task

EACH_MAX = 100
# A run that begins later than this was missed; /health then calls its task overdue.
MISSED_AFTER = timedelta(minutes=2)


def due_runs(task: Task, checked_until: datetime, now: datetime) -> list[datetime]:
    """The runs to start now for the due times in (checked_until, now], oldest first. However long nobody
    looked, no more than EACH_MAX due times are looked at."""
    newest_first = list(islice(_due_times(task, checked_until, now), EACH_MAX))
    if task.missed == "each":
        return newest_first[::-1]
    newest = newest_first[:1]
    if task.missed == "skip":
        return [due for due in newest if now - due <= MISSED_AFTER]
    return newest


def _due_times(task: Task, checked_until: datetime, now: datetime) -> Iterator[datetime]:
    """Newest first. The iteration leaves out the moment it starts from, and whole seconds are all it knows,
    so it starts one second later."""
    for due in task.due_backwards(now.replace(microsecond=0) + timedelta(seconds=1)):
        if due <= checked_until:
            return
        yield due
