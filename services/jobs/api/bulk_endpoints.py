"""Bulk actions over the API."""

from __future__ import annotations

from services.database import connection
from services.decode import Nothing
from services.jobs import steering
from services.jobs.api.shapes import OrderBulk, PageQuery
from services.jobs.api.verb import verb
from services.jobs.bulk import bulk
from services.jobs.bulk.shapes import BulkAction, BulkAtWork, BulkEnded, BulkPage, BulkPreview
from services.jobs.looking import as_seen_by
from services.jobs.once import once_of
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.who import Who
from services.operations import Call, Operation


async def preview_bulk(call: Call[Jobs, Nothing, OrderBulk], who: Who) -> BulkPreview:
    return await steering.preview_bulk(call.resources, who, call.body.order())


async def start_bulk(call: Call[Jobs, Nothing, OrderBulk], who: Who) -> BulkAction:
    once = once_of(call.request, call.body, who)
    return await steering.start_bulk(call.resources, who, call.body.order(), once)


async def list_bulk(call: Call[Jobs, PageQuery, Nothing], who: Who) -> BulkPage:
    async with connection(call.resources.database) as raw:
        page = await bulk.page(raw, call.query.cursor, call.query.limit)
    return BulkPage(items=[as_seen_by(who, one) for one in page.items], next_cursor=page.next_cursor)


async def get_bulk(call: Call[Jobs, Nothing, Nothing], who: Who) -> BulkAction:
    async with connection(call.resources.database) as raw:
        return as_seen_by(who, await bulk.one(raw, call.path("id")))


async def cancel_bulk(call: Call[Jobs, Nothing, Nothing], who: Who) -> BulkAction:
    once = once_of(call.request, call.body, who)
    return await steering.cancel_bulk(call.resources, who, call.path("id"), once)


_BULK, _ONE = "/api/jobs/bulk", "/api/jobs/bulk/{id}"

OPERATIONS: list[Operation] = [
    verb(f"{_BULK}/preview", preview_bulk, "What a bulk action would meet", BulkPreview, body=OrderBulk),
    verb(_BULK, start_bulk, "Start a bulk action", BulkAction, BulkAtWork, body=OrderBulk, status=201),
    api("GET", _BULK, list_bulk, "Bulk actions, newest first", query=PageQuery, answer=BulkPage),
    api("GET", _ONE, get_bulk, "One bulk action and how far it is", answer=BulkAction),
    verb(f"{_ONE}/cancel", cancel_bulk, "End it after the batch in hand", BulkAction, BulkEnded),
]
