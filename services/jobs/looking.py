"""What operators may see of jobs and viewers may not, beyond the arguments themselves: who may search through
masked arguments reads them letter by letter, for each match tells that it is in there."""

from __future__ import annotations

import msgspec

from services.jobs.backend import JobFilter, JobPage
from services.jobs.bulk.shapes import BulkAction
from services.jobs.resources import Jobs
from services.jobs.staff.who import Who
from services.private_text import MASK


async def find_jobs(
    jobs: Jobs, who: Who, backend: str, wanted: JobFilter, cursor: str | None, limit: int
) -> JobPage:
    """A page of one backend's jobs. Raises RoleTooLow (a filter by arguments), NotFound, Invalid,
    BackendAway."""
    if wanted.text is not None:
        who.require("operator")
    return await jobs.backend(backend).jobs(wanted, cursor, limit)


def as_seen_by(who: Who, action: BulkAction) -> BulkAction:
    """A bulk action without what an operator searched for in the arguments."""
    if action.wanted.text is None or who.may("operator"):
        return action
    return msgspec.structs.replace(action, wanted=msgspec.structs.replace(action.wanted, text=MASK))
