"""Jobs over the API: found, looked at, retried, discarded, revealed."""

from __future__ import annotations

from services.decode import Nothing
from services.jobs import steering
from services.jobs.api.shapes import JobsQuery, Steered
from services.jobs.api.verb import verb
from services.jobs.backend import BackendAway, JobDetail, JobPage, NotInState
from services.jobs.looking import find_jobs
from services.jobs.once import once_of
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.who import Who
from services.operations import Call, Operation


async def list_jobs(call: Call[Jobs, JobsQuery, Nothing], who: Who) -> JobPage:
    asked = call.query
    return await find_jobs(call.resources, who, asked.backend, asked.jobs(), asked.cursor, asked.limit)


async def get_job(call: Call[Jobs, Nothing, Nothing], _who: Who) -> JobDetail:
    return await call.resources.backend(call.path("backend")).job(call.path("id"))


async def retry_job(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    backend, job_id = call.path("backend"), call.path("id")
    await steering.retry_job(call.resources, who, backend, job_id, once_of(call.request, call.body, who))
    return Steered("job.retry", f"{backend}:{job_id}")


async def discard_job(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    backend, job_id = call.path("backend"), call.path("id")
    await steering.discard_job(call.resources, who, backend, job_id, once_of(call.request, call.body, who))
    return Steered("job.discard", f"{backend}:{job_id}")


async def reveal_job(call: Call[Jobs, Nothing, Nothing], who: Who) -> JobDetail:
    return await steering.reveal_job(call.resources, who, call.path("backend"), call.path("id"))


_JOBS, _JOB = "/api/jobs/jobs", "/api/jobs/jobs/{backend}/{id}"
_AWAY = (BackendAway,)

OPERATIONS: list[Operation] = [
    api("GET", _JOBS, list_jobs, "Jobs of one backend", query=JobsQuery, answer=JobPage, problems=_AWAY),
    api("GET", _JOB, get_job, "One job, its arguments masked", answer=JobDetail, problems=_AWAY),
    verb(f"{_JOB}/retry", retry_job, "Run it again", Steered, NotInState),
    verb(f"{_JOB}/discard", discard_job, "Don't run it", Steered, NotInState),
    verb(f"{_JOB}/reveal", reveal_job, "One job with nothing masked; goes on record", JobDetail),
]
