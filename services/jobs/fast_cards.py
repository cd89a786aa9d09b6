"""A fast job as the dashboard shows it, and whether a filter wants it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.jobs.backend import Attempt, JobCard, JobDetail, JobFilter
from services.jobs.fast_messages import ETA, LastFailure, as_time, ms_of
from services.jobs.fast_shelves import Bounds, Entry
from services.jobs.masking import masked

_ERROR_CHARACTERS_MAX = 300
_LINE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Running:
    """What a worker's row tells of a job that it runs."""

    worker: str
    started_at: datetime


def bounds_of(wanted: JobFilter) -> Bounds:
    return Bounds(
        float("-inf") if wanted.since is None else ms_of(wanted.since),
        float("inf") if wanted.until is None else ms_of(wanted.until),
    )


def looks_inside(wanted: JobFilter) -> bool:
    """Whether jobs have to be read to tell which are wanted."""
    return bool(wanted.actor or wanted.text or wanted.error or wanted.group or wanted.since or wanted.until)


def fits(entry: Entry, wanted: JobFilter, bounds: Bounds) -> bool:
    job, last = entry.job, entry.job.failure
    if wanted.actor is not None and job.actor_name != wanted.actor:
        return False
    if not bounds.hold(entry.at_ms):
        return False
    if wanted.group is not None and (last is None or last.failure.fingerprint != wanted.group):
        return False
    if wanted.error and wanted.error.casefold() not in (_error_of(last) or "").casefold():
        return False
    return not wanted.text or wanted.text.casefold() in _json(job.args, job.kwargs).casefold()


def card_of(entry: Entry) -> JobCard:
    job = entry.job
    return JobCard(
        id=entry.id,
        backend="fast",
        queue=entry.queue,
        actor=job.actor_name,
        state=entry.shelf,
        arguments=_line_of(job.args, job.kwargs),
        priority=0,
        attempts=job.failures + (entry.shelf == "running"),
        enqueued_at=as_time(job.message_timestamp),
        at=entry.at,
        error=_error_of(job.failure),
    )


def detail_of(entry: Entry, running: Running | None, *, reveal: bool) -> JobDetail:
    job, last = entry.job, entry.job.failure
    (args, kwargs), hidden = masked([job.args, job.kwargs])
    eta = job.options.get(ETA)
    return JobDetail(
        card=card_of(entry),
        args=job.args if reveal else args,
        kwargs=job.kwargs if reveal else kwargs,
        masked=hidden and not reveal,
        run_at=as_time(eta) if entry.shelf == "scheduled" and eta else None,
        started_at=running.started_at if running else None,
        finished_at=entry.at if entry.shelf == "dead" else None,
        worker=running.worker if running else None,
        failures=job.failures,
        crashes=0,
        unique_key=None,
        concurrency_key=None,
        request_id=job.options.get("request_id"),
        traceparent=None,
        group=last.failure.fingerprint if last else None,
        attempts=[] if last is None else [_attempt(last)],
    )


def _attempt(last: LastFailure) -> Attempt:
    took = None if last.started_at is None else (last.failed_at - last.started_at).total_seconds() * 1000
    return Attempt(
        number=last.number,
        outcome="failed",
        started_at=last.started_at,
        finished_at=last.failed_at,
        duration_ms=took,
        worker=last.worker,
        release=last.release,
        error_class=last.failure.error_class,
        error_message=last.failure.message,
        traceback=last.failure.traceback,
    )


def _error_of(last: LastFailure | None) -> str | None:
    if last is None:
        return None
    return f"{last.failure.error_class}: {last.failure.message}"[:_ERROR_CHARACTERS_MAX]


def _json(args: list[Any], kwargs: dict[str, Any]) -> str:
    return msgspec.json.encode((args, kwargs)).decode()


def _line_of(args: list[Any], kwargs: dict[str, Any]) -> str:
    shown, _ = masked([*args, kwargs] if kwargs else args)
    return msgspec.json.encode(shown).decode()[:_LINE_CHARACTERS_MAX]
