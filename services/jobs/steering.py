"""What an operator may do to jobs: one function per verb, for dashboard, API and command line alike.

Each checks the role, notes the deed in the audit log and does it, in one transaction of PostgreSQL. What
lives there commits with its audit entry. What lives in Redis is done last, just before the commit: nothing
is done that could not be written down, and what failed leaves no entry. All raise RoleTooLow,
DatabaseUnavailable and, for the fast half, BackendAway.

With `once`, a verb counts once however often the request arrives: a replay does nothing and answers alike.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from services.database import Connection, transaction
from services.errors import NotFound
from services.jobs.backend import IN_BULK, JobDetail, JobFilter
from services.jobs.bulk import bulk
from services.jobs.bulk.shapes import BulkAction, BulkOrder, BulkPreview
from services.jobs.once import Once
from services.jobs.recurring import steering as recurring
from services.jobs.resources import Jobs
from services.jobs.staff import audit
from services.jobs.staff.who import Who


async def retry_job(jobs: Jobs, who: Who, backend: str, job_id: str, once: Once | None = None) -> None:
    """Back into its queue, to run now, with all its tries anew. Raises NotFound, NotInState."""
    async with _noted(jobs, who, "job.retry", f"{backend}:{job_id}", once) as deed:
        if deed.is_new:
            await jobs.backend(backend).retry(job_id)


async def retry_one_of(jobs: Jobs, who: Who, backend: str, group: str, once: Once | None = None) -> str:
    """The newest dead or crashed job of a failure group, to see whether it works now; returns its id. Raises
    NotFound when none is left, NotInState when another was quicker."""
    who.require("operator")
    job_id, details = await _newest_of(jobs, backend, group), {"group": group}
    async with _noted(jobs, who, "job.retry", f"{backend}:{job_id}", once, details, result=job_id) as deed:
        if deed.is_new:
            if not job_id:
                raise NotFound("No job of this group is dead any more")
            await jobs.backend(backend).retry(job_id)
        return deed.result


async def _newest_of(jobs: Jobs, backend: str, group: str) -> str:
    for state in IN_BULK["retry"]:
        found = await jobs.backend(backend).jobs(JobFilter(state=state, group=group), limit=1)
        if found.items:
            return found.items[0].id
    return ""


async def discard_job(jobs: Jobs, who: Who, backend: str, job_id: str, once: Once | None = None) -> None:
    """It will not run (again) until it is retried. Raises NotFound, NotInState."""
    async with _noted(jobs, who, "job.discard", f"{backend}:{job_id}", once) as deed:
        if deed.is_new:
            await jobs.backend(backend).discard(job_id)


async def reveal_job(jobs: Jobs, who: Who, backend: str, job_id: str) -> JobDetail:
    """The job with nothing masked; that somebody looked is on record each time. Raises NotFound."""
    async with _noted(jobs, who, "job.reveal", f"{backend}:{job_id}"):
        return await jobs.backend(backend).job(job_id, reveal=True)


async def pause_queue(jobs: Jobs, who: Who, backend: str, queue: str, once: Once | None = None) -> None:
    """Nothing more of the queue is begun; what runs, ends. Raises NotFound."""
    async with _noted(jobs, who, "queue.pause", f"{backend}:{queue}", once) as deed:
        if deed.is_new:
            await jobs.backend(backend).pause(queue)


async def resume_queue(jobs: Jobs, who: Who, backend: str, queue: str, once: Once | None = None) -> None:
    """Raises NotFound."""
    async with _noted(jobs, who, "queue.resume", f"{backend}:{queue}", once) as deed:
        if deed.is_new:
            await jobs.backend(backend).resume(queue)


async def run_recurring_now(jobs: Jobs, who: Who, name: str, once: Once | None = None) -> None:
    """One run besides those of the clock. Raises NotFound."""
    async with _noted(jobs, who, "recurring.run", name, once) as deed:
        if deed.is_new:
            await recurring.run_now(deed.raw, name)


async def pause_recurring(jobs: Jobs, who: Who, name: str, once: Once | None = None) -> None:
    """The clock passes its runs over until it is resumed. Raises NotFound."""
    async with _noted(jobs, who, "recurring.pause", name, once) as deed:
        if deed.is_new:
            await recurring.pause(deed.raw, name)


async def resume_recurring(jobs: Jobs, who: Who, name: str, once: Once | None = None) -> None:
    """Raises NotFound."""
    async with _noted(jobs, who, "recurring.resume", name, once) as deed:
        if deed.is_new:
            await recurring.resume(deed.raw, name)


async def preview_bulk(jobs: Jobs, who: Who, order: BulkOrder) -> BulkPreview:
    """What the order would meet; changes nothing. Raises Invalid (a state that the verb does not fit)."""
    who.require("operator")
    return await bulk.preview(jobs, order)


async def start_bulk(jobs: Jobs, who: Who, order: BulkOrder, once: Once | None = None) -> BulkAction:
    """Freezes the order and hands it to a durable job. Raises Invalid, BulkAtWork (the same order is at
    work; without a key, this is what a second click gets)."""
    who.require("operator")
    counted, bulk_id = await bulk.preview(jobs, order), str(uuid.uuid4())
    details = {"verb": order.verb, "jobs": counted.count, "wanted": msgspec.to_builtins(order.wanted)}
    async with _noted(
        jobs, who, "bulk.start", f"{order.backend}:{bulk_id}", once, details, result=bulk_id
    ) as deed:
        if deed.is_new:
            await bulk.start(deed.raw, who, bulk_id, order, counted)
        return await bulk.one(deed.raw, deed.result)


async def cancel_bulk(jobs: Jobs, who: Who, bulk_id: str, once: Once | None = None) -> BulkAction:
    """Takes effect between two batches; what is done stays done. Raises NotFound, BulkEnded."""
    async with _noted(jobs, who, "bulk.cancel", bulk_id, once) as deed:
        if deed.is_new:
            await bulk.cancel(deed.raw, bulk_id)
        return await bulk.one(deed.raw, bulk_id)


@dataclass(frozen=True, slots=True)
class _Deed:
    """`is_new`: to be done now; otherwise it was done by an earlier request, with this `result`."""

    raw: Connection
    is_new: bool
    result: str


@asynccontextmanager
async def _noted(
    jobs: Jobs,
    who: Who,
    action: str,
    target: str,
    once: Once | None = None,
    details: Mapping[str, Any] | None = None,
    result: str = "",
) -> AsyncIterator[_Deed]:
    """A transaction that holds the audit entry already. Backends that store in the same database join it,
    because `databases` lends one connection per task."""
    who.require("operator")
    async with transaction(jobs.database) as raw:
        earlier = await once.claim(raw, result) if once is not None else None
        if earlier is None:
            await audit.record(raw, who, action, target, dict(details or {}))
        yield _Deed(raw, earlier is None, result if earlier is None else earlier)
