"""The audit log to read, for admins."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from services.decode import Nothing
from services.errors import FieldError, Invalid
from services.jobs.resources import Jobs
from services.jobs.staff import audit
from services.jobs.staff.access import page
from services.jobs.staff.audit import AuditFilter
from services.jobs.staff.rendering import html_page
from services.jobs.staff.who import Who
from services.operations import Call


class AuditQuery(msgspec.Struct, frozen=True):
    """As the form above the log sends it: what is empty does not count. `since` and `until` are days, both
    within."""

    who: str = ""
    action: str = ""
    target: str = ""
    since: str = ""
    until: str = ""
    cursor: str = ""


async def audit_log(call: Call[Jobs, AuditQuery, Nothing], _who: Who) -> Response:
    asked = call.query
    wanted = AuditFilter(
        who=asked.who or None,
        action=asked.action or None,
        target=asked.target or None,
        since=_day("since", asked.since),
        until=_day("until", asked.until, days=1),
    )
    found = await audit.entries(call.resources.database, wanted, asked.cursor or None)
    older = {**msgspec.structs.asdict(asked), "cursor": found.next_cursor or ""}
    return html_page(
        call.request,
        "audit.html",
        entries=found.items,
        details=[msgspec.json.encode(entry.details).decode() for entry in found.items],
        asked=asked,
        older=urlencode({name: value for name, value in older.items() if value}) if found.next_cursor else "",
    )


def _day(field: str, text: str, days: int = 0) -> datetime | None:
    """The day's beginning, or that of so many days later."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days), time(), UTC) if text else None
    except (ValueError, OverflowError):  # the last day of all
        raise Invalid([FieldError(field, "must be a day, as 2026-03-01")]) from None


OPERATIONS = [page("/jobs/audit", audit_log, "The audit log", "admin", AuditQuery)]
