"""Without Redis the fast half says so, and the durable half works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from services.jobs.app import service
from services.jobs.resources import Jobs
from tests.conftest import in_process
from tests.jobs.api.conftest import Program, token_of
from tests.jobs.backlog import dead_jobs, open_backends
from tests.jobs.conftest import Owner

NOWHERE = "redis://127.0.0.1:9/1"


@pytest.fixture
async def jobs(database_url: str, environment: Callable[..., None]) -> AsyncIterator[Jobs]:
    environment(DATABASE_URL=database_url, REDIS_QUEUE_URL=NOWHERE)
    async with open_backends() as jobs:
        yield jobs


@pytest.fixture
async def operator(jobs: Jobs) -> AsyncIterator[Program]:
    async with in_process(service) as client:
        yield Program(client, await token_of(jobs, "operator"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs?backend=fast"),
        ("GET", "/jobs/fast/00000000-0000-0000-0000-000000000000"),
        ("GET", "/queues?backend=fast"),
        ("POST", "/jobs/fast/00000000-0000-0000-0000-000000000000/retry"),
        ("POST", "/jobs/fast/00000000-0000-0000-0000-000000000000/reveal"),
    ],
)
async def test_the_fast_half_asks_to_come_again(operator: Program, method: str, path: str) -> None:
    answer = await operator.call(method, path)
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/job-backend-unavailable"
    assert int(answer.headers["retry-after"]) >= 1


async def test_what_shows_both_halves_shows_the_one_that_is_there(operator: Program) -> None:
    for path in ("/overview", "/queues"):
        answer = (await operator.get(path)).json()
        assert [half["backend"] for half in answer["away"]] == ["fast"]
    assert [queue["backend"] for queue in answer["items"]] == ["durable"]


async def test_the_durable_half_works(operator: Program, owner: Owner) -> None:
    [job_id] = await dead_jobs(owner, 1)
    assert (await operator.get("/jobs", state="dead")).json()["items"][0]["id"] == job_id
    assert (await operator.post(f"/jobs/durable/{job_id}/retry")).status_code == 200
    order = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead"}}
    assert (await operator.post("/bulk", order)).status_code == 201


async def test_what_could_not_be_done_is_not_on_record(operator: Program, owner: Owner) -> None:
    await operator.post("/jobs/fast/00000000-0000-0000-0000-000000000000/retry")
    assert await owner.fetchval("SELECT count(*) FROM jobs.audit_log WHERE action = 'job.retry'") == 0
