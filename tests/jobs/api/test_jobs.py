"""Jobs over the API: found, looked at, retried, discarded, revealed."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from services.jobs.backend import NewJob
from services.jobs.resources import Jobs
from services.jobs.staff.audit import AuditFilter, entries
from tests.jobs.api.conftest import Program, Programs
from tests.jobs.backlog import dead_jobs, ready_jobs
from tests.jobs.conftest import Owner


async def test_a_page_goes_on_where_the_one_before_ended(operator: Program, owner: Owner) -> None:
    there = set(await dead_jobs(owner, 5))
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(3):
        page = (await operator.get("/jobs", state="dead", limit=2, **cursor)).json()
        found += [job["id"] for job in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert (len(found), set(found), cursor["cursor"]) == (5, there, None)


async def test_a_filter_finds_by_what_it_names(operator: Program, owner: Owner) -> None:
    await dead_jobs(owner, 2)
    await dead_jobs(owner, 1, actor="tests.other")
    for wanted, number in (
        ({"actor": "tests.other"}, 1),
        ({"error": "OUT OF TEA"}, 3),
        ({"error": "coffee"}, 0),
        ({"queue": "nobody"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 3),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
    ):
        answer = await operator.get("/jobs", state="dead", **wanted)
        assert len(answer.json()["items"]) == number, wanted


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_a_discarded_job_is_discarded_on_its_own_backend(
    operator: Program, jobs: Jobs, backend: str
) -> None:
    [job_id] = await ready_jobs(jobs, "durable" if backend == "durable" else "fast", 1)
    assert (await operator.get(f"/jobs/{backend}/{job_id}")).json()["card"]["state"] == "ready"
    done = await operator.post(f"/jobs/{backend}/{job_id}/discard")
    assert done.json() == {"action": "job.discard", "target": f"{backend}:{job_id}"}
    assert (await jobs.backend(backend).counts())["ready"] == 0


async def test_a_dead_job_is_retried_and_its_retry_is_on_record(
    operator: Program, jobs: Jobs, owner: Owner
) -> None:
    [job_id] = await dead_jobs(owner, 1)
    assert (await operator.post(f"/jobs/durable/{job_id}/retry")).status_code == 200
    assert (await operator.get(f"/jobs/durable/{job_id}")).json()["card"]["state"] == "ready"
    [entry] = (await entries(jobs.database, AuditFilter(target=f"durable:{job_id}"))).items
    assert (entry.action, entry.who) == ("job.retry", "robot-operator")


async def test_what_was_refused_is_not_on_record(operator: Program, jobs: Jobs) -> None:
    [job_id] = await ready_jobs(jobs, "durable", 1)
    refused = await operator.post(f"/jobs/durable/{job_id}/retry")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/job-not-in-state")
    assert (await operator.post(f"/jobs/durable/{uuid.uuid4()}/retry")).status_code == 404
    assert (await entries(jobs.database, AuditFilter(action="job"))).items == []


async def test_masked_arguments_are_revealed_on_record_only(operator: Program, jobs: Jobs) -> None:
    job = NewJob(actor="tests.nobody", args=[{"password": "tea and biscuits"}])
    job_id = await jobs.backend("durable").enqueue(job)
    masked = (await operator.get(f"/jobs/durable/{job_id}")).json()
    assert (masked["masked"], "biscuits" in str(masked)) == (True, False)
    revealed = (await operator.post(f"/jobs/durable/{job_id}/reveal")).json()
    assert revealed["args"] == [{"password": "tea and biscuits"}]
    assert len((await entries(jobs.database, AuditFilter(action="job.reveal"))).items) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobs?state=tired", 422),
        ("/jobs?backend=paper", 422),
        ("/jobs?limit=0", 422),
        ("/jobs?since=yesterday", 422),
        ("/jobs?since=2026-01-01T00:00:00", 422),
        ("/jobs?cursor=nonsense", 422),
        ("/jobs?colour=blue", 422),
        ("/jobs/paper/1", 404),
        ("/jobs/durable/nonsense", 404),
        ("/jobs/fast/nonsense", 404),
        ("/bulk?cursor=nonsense", 422),
        ("/bulk/nonsense", 404),
        ("/failures?cursor=nonsense", 422),
        ("/failures/nonsense", 404),
        ("/statistics?window=1y", 422),
    ],
)
async def test_nonsense_gets_a_4xx(operator: Program, path: str, status: int) -> None:
    assert (await operator.call("GET", path)).status_code == status


async def test_only_operators_search_through_masked_arguments(programs: Programs, owner: Owner) -> None:
    await dead_jobs(owner, 1)
    for backend in ("durable", "fast"):
        answer = await programs.viewer.get("/jobs", backend=backend, state="dead", text="anne@")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/role-too-low")
    assert (await programs.operator.get("/jobs", state="dead", text="anne@")).json()["items"] == []
    assert len((await programs.viewer.get("/jobs", state="dead", error="tea")).json()["items"]) == 1
