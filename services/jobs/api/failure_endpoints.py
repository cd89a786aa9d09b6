"""Failure groups over the API."""

from __future__ import annotations

from services.decode import Nothing
from services.jobs import steering
from services.jobs.api.shapes import PageQuery, Steered
from services.jobs.api.verb import verb
from services.jobs.backend import NotInState
from services.jobs.failures import FailureGroup, FailureGroupPage, failure_group, failure_groups
from services.jobs.once import once_of
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.who import Who
from services.operations import Call, Operation


async def list_failures(call: Call[Jobs, PageQuery, Nothing], _who: Who) -> FailureGroupPage:
    return await failure_groups(call.resources.database, call.query.cursor, call.query.limit)


async def get_failure(call: Call[Jobs, Nothing, Nothing], _who: Who) -> FailureGroup:
    return await failure_group(call.resources.database, call.path("fingerprint"))


async def retry_one(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    jobs, once = call.resources, once_of(call.request, call.body, who)
    group = await failure_group(jobs.database, call.path("fingerprint"))
    job_id = await steering.retry_one_of(jobs, who, group.backend, group.fingerprint, once)
    return Steered("job.retry", f"{group.backend}:{job_id}")


_ALL, _ONE = "/api/jobs/failures", "/api/jobs/failures/{fingerprint}"

OPERATIONS: list[Operation] = [
    api("GET", _ALL, list_failures, "Equal failures together", query=PageQuery, answer=FailureGroupPage),
    api("GET", _ONE, get_failure, "One group of equal failures", answer=FailureGroup),
    verb(f"{_ONE}/retry-one", retry_one, "Retry one job of a group, before the rest", Steered, NotInState),
]
