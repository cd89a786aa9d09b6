"""What happened to a job, from enqueue to its end: a list to read and bars to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.jobs.backend import Attempt, JobDetail

WIDTH = 1000  # of the drawing, in its own units
_NARROWEST = 6.0


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the list. `look` is a class: waited, done, failed, crashed, released, running."""

    at: datetime
    text: str
    look: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    look: str
    title: str


def events(job: JobDetail, now: datetime) -> list[Event]:
    """Oldest first. A wait of less than a tenth of a second is not worth a line."""
    told = [Event(job.card.enqueued_at, "Enqueued", "begun")]
    free_since = job.card.enqueued_at
    for attempt in job.attempts:
        begun = attempt.started_at or attempt.finished_at
        _tell_wait(told, free_since, begun, "before the first try" if len(told) == 1 else "for the next try")
        seconds = None if attempt.duration_ms is None else attempt.duration_ms / 1000
        text = f"Try {attempt.number} {_OUTCOMES.get(attempt.outcome, attempt.outcome)}"
        told.append(Event(begun, text, attempt.outcome, seconds))
        free_since = attempt.finished_at
    if job.card.state == "running" and job.started_at:
        _tell_wait(told, free_since, job.started_at, "for a worker")
        told.append(Event(job.started_at, "Runs now", "running", (now - job.started_at).total_seconds()))
    elif job.card.state in ("scheduled", "ready", "blocked"):
        due = job.run_at if job.run_at and job.run_at > now else None
        told.append(Event(due or now, "Next try is due" if due else "Waits for a worker", "waited"))
    elif job.finished_at:
        told.append(Event(job.finished_at, _ENDS.get(job.card.state, job.card.state), job.card.state))
    return told


_OUTCOMES = {
    "done": "succeeded",
    "failed": "failed",
    "crashed": "lost its worker",
    "released": "was handed back",
}
_ENDS = {
    "done": "Done",
    "dead": "Dead: no tries are left",
    "crashed": "Parked: it took its workers down",
    "discarded": "Discarded",
}


def _tell_wait(told: list[Event], since: datetime, until: datetime, what: str) -> None:
    seconds = (until - since).total_seconds()
    if seconds >= 0.1:
        told.append(Event(since, f"Waited {what}", "waited", seconds))


def bars(job: JobDetail, now: datetime) -> list[Bar]:
    """The tries on a line from enqueue to the end (or now), to scale, but never too narrow to be seen."""
    begin = job.card.enqueued_at
    end = max([job.finished_at or now, *(a.finished_at for a in job.attempts)])
    span = max((end - begin) / timedelta(seconds=1), 0.001)

    def placed(since: datetime, until: datetime, look: str, title: str) -> Bar:
        x = max(0.0, (since - begin) / timedelta(seconds=1) / span * WIDTH)
        width = max(_NARROWEST, (until - since) / timedelta(seconds=1) / span * WIDTH)
        width = min(width, WIDTH)
        return Bar(round(min(x, WIDTH - width), 1), round(width, 1), look, title)

    drawn = [_of_attempt(attempt, placed) for attempt in job.attempts]
    if job.card.state == "running" and job.started_at:
        drawn.append(placed(job.started_at, now, "running", "Runs now"))
    return drawn


def _of_attempt(attempt: Attempt, placed: object) -> Bar:
    assert callable(placed)
    bar: Bar = placed(
        attempt.started_at or attempt.finished_at,
        attempt.finished_at,
        attempt.outcome,
        f"Try {attempt.number}: {attempt.outcome}",
    )
    return bar
