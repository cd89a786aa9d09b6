"""The audit log: who did what to which thing. Rows are added in the transaction that did it, and stay.

Actions are `noun.verb`: job.retry, job.reveal, queue.pause, staff.login, token.create.
No secret belongs into the details: admins read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from databases import Database

from services.database import Connection, connection
from services.errors import FieldError, Invalid
from services.jobs.moments import within_times
from services.jobs.staff.who import Who
from services.queries import load_queries
from services.request_context import current_request

_SQL = load_queries(__file__, "audit.sql")
PAGE_MAX = 200


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which entries. `action` may be a noun alone: `job` finds job.retry and job.reveal."""

    who: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`who` is None where nobody had proved who it was: a failed login."""

    id: int
    at: datetime
    who: str | None
    role: str | None
    by: str | None
    action: str
    target: str | None
    details: dict[str, Any]
    address: str | None
    request_id: str | None


class EntryPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[Entry]
    next_cursor: str | None


async def record(
    raw: Connection,
    who: Who | None,
    action: str,
    target: str | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Adds an entry on the caller's connection: it commits, or rolls back, with what it tells of."""
    context = current_request.get()
    await raw.execute(
        _SQL["record"],
        who.name if who else None,
        who.role if who else None,
        who.by if who else None,
        action,
        target,
        msgspec.json.encode(details or {}).decode(),
        context.client_address if context else None,
        context.request_id if context else None,
    )


async def entries(
    database: Database, wanted: AuditFilter, cursor: str | None = None, limit: int = 50
) -> EntryPage:
    """One page, of up to PAGE_MAX. Raises Invalid for a cursor that is none."""
    limit = max(1, min(limit, PAGE_MAX))
    values: list[Any] = [_position(cursor), limit + 1]
    conditions = ""
    for condition, value in _conditions(wanted):
        values.append(value)
        conditions += f" AND {condition.format(f'${len(values)}')}"
    async with connection(database) as raw:
        rows = await raw.fetch(_SQL["entries"].format(conditions=conditions), *values)
    items = [_entry(row) for row in rows[:limit]]
    return EntryPage(items, str(items[-1].id) if len(rows) > limit else None)


def _conditions(wanted: AuditFilter) -> Iterator[tuple[str, Any]]:
    if wanted.who is not None:
        yield "who = {}", wanted.who
    if wanted.target is not None:
        yield "target = {}", wanted.target
    if wanted.action is not None and "." in wanted.action:
        yield "action = {}", wanted.action
    elif wanted.action is not None:
        yield "starts_with(action, {})", f"{wanted.action}."
    if wanted.since is not None:
        yield "at >= {}", within_times(wanted.since)
    if wanted.until is not None:
        yield "at < {}", within_times(wanted.until)


def _position(cursor: str | None) -> int:
    """The id that the page stands before."""
    if cursor is None:
        return 2**63 - 1
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid([FieldError("cursor", "is none of ours")])
    return int(cursor)


def _entry(row: asyncpg.Record) -> Entry:
    return msgspec.convert({**row, "details": msgspec.json.decode(row["details"])}, Entry)
