"""The audit log over the API."""

from __future__ import annotations

from services.decode import Nothing
from services.jobs.api.shapes import AuditQuery
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.audit import EntryPage, entries
from services.jobs.staff.who import Who
from services.operations import Call, Operation


async def list_audit(call: Call[Jobs, AuditQuery, Nothing], _who: Who) -> EntryPage:
    asked = call.query
    return await entries(call.resources.database, asked.entries(), asked.cursor, asked.limit)


OPERATIONS: list[Operation] = [
    api(
        "GET",
        "/api/jobs/audit",
        list_audit,
        "Who did what, newest first",
        "admin",
        query=AuditQuery,
        answer=EntryPage,
    )
]
