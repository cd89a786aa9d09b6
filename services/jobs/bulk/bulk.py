"""Bulk actions: an order is frozen, previewed, started, followed, cancelled. `running` works it off."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.database import Connection, connection
from services.errors import FieldError, Invalid, NotFound
from services.jobs.backend import COUNT_MAX, DISCARDABLE, RETRYABLE, JobFilter
from services.jobs.bulk.shapes import BulkAction, BulkAtWork, BulkEnded, BulkOrder, BulkPage, BulkPreview
from services.jobs.moments import within_times
from services.jobs.resources import Jobs
from services.jobs.staff.who import Who
from services.queries import load_queries
from services.request_context import current_request

_SQL = load_queries(__file__, "bulk.sql")
_START, _AT_WORK, _ONE, _PAGE = _SQL["start"], _SQL["at_work"], _SQL["one"], _SQL["page"]
_CANCEL, _MOMENT = _SQL["cancel"], _SQL["moment"]
_SAMPLE = 10
_MOMENT_FORM = "%Y%m%dT%H%M%S.%f"
_FITS = {"retry": RETRYABLE, "discard": DISCARDABLE}


async def preview(jobs: Jobs, order: BulkOrder) -> BulkPreview:
    """Counts what the order would meet and shows the first few. Raises Invalid."""
    _check(order)
    async with connection(jobs.database) as raw:
        now: datetime = await raw.fetchval(_MOMENT)
    before = within_times(min(order.before or now, now))
    backend, wanted = jobs.backend(order.backend), _up_to(order.wanted, before)
    count = await backend.count(wanted, COUNT_MAX)
    page = await backend.jobs(wanted, limit=_SAMPLE)
    return BulkPreview(count=count, counted_all=count < COUNT_MAX, before=before, sample=page.items)


async def start(raw: Connection, who: Who, bulk_id: str, order: BulkOrder, counted: BulkPreview) -> None:
    """Stores the order and its job in the caller's transaction. Raises BulkAtWork."""
    request, wanted = current_request.get(), msgspec.json.encode(order.wanted).decode()
    job_id = await raw.fetchval(
        _START,
        uuid.UUID(bulk_id),
        order.backend,
        order.verb,
        wanted,
        counted.before,
        order.rate,
        counted.count,
        who.name,
        request and request.request_id,
        request and request.traceparent,
    )
    if job_id is None:
        raise BulkAtWork(bulk=await raw.fetchval(_AT_WORK, order.backend, order.verb, wanted))


async def cancel(raw: Connection, bulk_id: str) -> None:
    """Raises NotFound, BulkEnded."""
    if await raw.fetchval(_CANCEL, _id(bulk_id)) is None:
        await one(raw, bulk_id)
        raise BulkEnded()


async def one(raw: Connection, bulk_id: str) -> BulkAction:
    """Raises NotFound."""
    row = await raw.fetchrow(_ONE, _id(bulk_id))
    if row is None:
        raise NotFound()
    return action_of(row)


async def page(raw: Connection, cursor: str | None = None, limit: int = 50) -> BulkPage:
    """Raises Invalid for a cursor that is none."""
    after, after_id = (None, None) if cursor is None else _place(cursor)
    rows = await raw.fetch(_PAGE, after, after_id, limit + 1)
    items = [action_of(row) for row in rows[:limit]]
    return BulkPage(items=items, next_cursor=_cursor(items[-1]) if len(rows) > limit else None)


def action_of(row: Any) -> BulkAction:
    names = [field for field in BulkAction.__struct_fields__ if field not in {"id", "wanted"}]
    wanted = msgspec.json.decode(row["wanted"], type=JobFilter)
    return BulkAction(id=str(row["id"]), wanted=wanted, **{name: row[name] for name in names})


def _check(order: BulkOrder) -> None:
    fitting = _FITS[order.verb]
    if order.wanted.state not in fitting:
        choice = ", ".join(sorted(fitting))
        raise Invalid([FieldError("wanted.state", f"{order.verb} needs one of {choice}")])


def _up_to(wanted: JobFilter, before: datetime) -> JobFilter:
    """Scheduled jobs are listed by a time ahead, which the moment of the order says nothing about."""
    if wanted.state in {"scheduled", "ready", "blocked"}:
        return wanted
    until = before if wanted.until is None else min(wanted.until, before)
    return msgspec.structs.replace(wanted, until=until)


def _id(given: str) -> uuid.UUID:
    try:
        return uuid.UUID(given)
    except ValueError:
        raise NotFound() from None


def _cursor(last: BulkAction) -> str:
    return f"{last.created_at.strftime(_MOMENT_FORM)}_{last.id}"


def _place(cursor: str) -> tuple[datetime, uuid.UUID]:
    moment, _, bulk_id = cursor.partition("_")
    try:
        at = datetime.strptime(moment, _MOMENT_FORM).replace(tzinfo=UTC)
        return at, uuid.UUID(bulk_id)
    except ValueError:
        raise Invalid([FieldError("cursor", "is not one of ours")]) from None
