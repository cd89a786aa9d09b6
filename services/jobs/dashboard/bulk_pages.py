"""Actions on all jobs that fit a filter: looked at beforehand, followed, cancelled."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.database import connection
from services.decode import Nothing
from services.errors import FieldError, Invalid
from services.jobs import steering
from services.jobs.backend import JobFilter, Verb
from services.jobs.bulk import bulk
from services.jobs.bulk.shapes import RATE_MAX, BulkAction, BulkOrder
from services.jobs.dashboard.job_list import LIST, ListQuery, see_other, wanted_of
from services.jobs.dashboard.notices import after, notice_of
from services.jobs.dashboard.rendering import html_page
from services.jobs.dashboard.words import exact
from services.jobs.looking import as_seen_by
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation

_BULK = "/jobs/bulk"


class PreviewQuery(ListQuery, frozen=True):
    verb: str = "retry"


class BulkQuery(msgspec.Struct, frozen=True):
    cursor: str = ""
    did: str = ""


class Confirmed(ListQuery, frozen=True):
    """A preview's form: the filter again, the moment it was frozen at, and how fast to go."""

    verb: str = ""
    before: str = ""
    rate: str = ""


async def show_preview(call: Call[Jobs, PreviewQuery, Nothing], who: Who) -> HTMLResponse:
    asked = call.query
    order = _order(call.resources, asked, asked.verb)
    preview = await steering.preview_bulk(call.resources, who, order)
    return html_page(
        call.request,
        "bulk_preview.html",
        order=order,
        preview=preview,
        told=told_filter(order.wanted),
        fields={**_fields(asked), "verb": order.verb, "before": preview.before.isoformat()},
        back=LIST + asked.link(),
        rate_max=RATE_MAX,
    )


async def start(call: Call[Jobs, Nothing, Confirmed], who: Who) -> RedirectResponse:
    sent = call.body
    order = _order(call.resources, sent, sent.verb)
    order = msgspec.structs.replace(order, before=_frozen_at(sent.before), rate=_rate(sent.rate))
    action = await steering.start_bulk(call.resources, who, order)
    call.resources.pulse.forget()
    return see_other(after(f"{_BULK}/{action.id}", "bulk"))


async def show_all(call: Call[Jobs, BulkQuery, Nothing], who: Who) -> HTMLResponse:
    async with connection(call.resources.database) as raw:
        found = await bulk.page(raw, call.query.cursor or None)
    return html_page(
        call.request,
        "bulk.html",
        notice=notice_of(call.query.did),
        actions=[as_seen_by(who, action) for action in found.items],
        told_filter=told_filter,
        cursor=call.query.cursor,
        next_cursor=found.next_cursor,
    )


async def show_one(call: Call[Jobs, BulkQuery, Nothing], who: Who) -> HTMLResponse:
    async with connection(call.resources.database) as raw:
        action = as_seen_by(who, await bulk.one(raw, call.path("id")))
    return html_page(
        call.request,
        "bulk_one.html",
        notice=notice_of(call.query.did),
        action=action,
        told_filter=told_filter,
        list_address=LIST + list_query(action),
    )


async def cancel(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.cancel_bulk(call.resources, who, call.path("id"))
    call.resources.pulse.forget()
    return see_other(after(f"{_BULK}/{call.path('id')}", "cancel"))


def _order(jobs: Jobs, asked: ListQuery, verb: str) -> BulkOrder:
    """Raises Invalid for a filter that can't be read: what is meant to be left out must be left out."""
    wanted, problems = wanted_of(asked)
    chosen: dict[str, Verb] = {"retry": "retry", "discard": "discard"}
    if verb not in chosen:
        problems.append(FieldError("verb", "is neither retry nor discard"))
    if problems:
        raise Invalid(problems)
    return BulkOrder(backend=jobs.backend(asked.backend).name, verb=chosen[verb], wanted=wanted)


def _frozen_at(sent: str) -> datetime:
    """The moment of the preview. Raises Invalid: without it, jobs would be met that nobody saw counted."""
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid([FieldError("before", "is not the time of a preview")])
    return moment


def _rate(typed: str) -> int | None:
    if not typed.strip():
        return None
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= RATE_MAX):
        raise Invalid([FieldError("rate", f"is not a number from 1 to {RATE_MAX:,}")])
    return int(typed)


def _fields(asked: ListQuery) -> dict[str, str]:
    names = ("backend", "state", "queue", "actor", "text", "error", "since", "until", "group")
    return {name: getattr(asked, name) for name in names if getattr(asked, name)}


def told_filter(wanted: JobFilter) -> list[tuple[str, str]]:
    """A filter in words: pairs of what and which."""
    said = [
        ("state", wanted.state),
        ("queue", wanted.queue),
        ("actor", wanted.actor),
        ("arguments contain", wanted.text),
        ("error contains", wanted.error),
        ("from", exact(wanted.since) if wanted.since else None),
        ("until", exact(wanted.until) if wanted.until else None),
        ("failure group", wanted.group),
    ]
    return [(what, which) for what, which in said if which]


def list_query(action: BulkAction) -> str:
    wanted = action.wanted
    return ListQuery(
        backend=action.backend,
        state=wanted.state or "",
        queue=wanted.queue or "",
        actor=wanted.actor or "",
        text=wanted.text or "",
        error=wanted.error or "",
        since=wanted.since.isoformat() if wanted.since else "",
        until=wanted.until.isoformat() if wanted.until else "",
        group=wanted.group or "",
    ).link()


OPERATIONS: list[Operation] = [
    page(f"{_BULK}/preview", show_preview, "What a bulk action would meet", "operator", PreviewQuery),
    page(_BULK, show_all, "Bulk actions", query=BulkQuery),
    form(_BULK, start, "Starts a bulk action", "operator", Confirmed),
    page(f"{_BULK}/{{id}}", show_one, "How far a bulk action is", query=BulkQuery),
    form(f"{_BULK}/{{id}}/cancel", cancel, "Ends a bulk action early", "operator"),
]
