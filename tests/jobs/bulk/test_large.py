"""A bulk action on more jobs than any cap of other dashboards, with everything that may come between.

20,000 jobs; BULK_JOBS=200000 by hand (add -s to see the seconds).
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable

import pytest

from services.jobs import steering
from services.jobs.backend import JobFilter
from services.jobs.bulk.shapes import BulkOrder
from services.jobs.resources import Jobs
from tests.jobs.backlog import ADA, dead_jobs, states
from tests.jobs.conditions import eventually
from tests.jobs.conftest import Owner, StartWorker

pytestmark = pytest.mark.slow

JOBS = int(os.environ.get("BULK_JOBS", "20000"))
RETRY_DEAD = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"))
WITHIN_SECONDS = 300.0


@pytest.fixture
async def start(
    jobs: Jobs, owner: Owner, start_worker: StartWorker, database_url: str
) -> Callable[[], object]:
    """A durable worker that knows nobody of the backlog."""
    await dead_jobs(owner, JOBS)
    return lambda: start_worker("worker-durable", DATABASE_URL=database_url)


async def progress(owner: Owner, bulk_id: str, more_than: int) -> int:
    query = "SELECT changed FROM jobs.bulk_actions WHERE id = $1 AND changed > $2"
    changed: int = await eventually(
        lambda: owner.fetchval(query, uuid.UUID(bulk_id), more_than), WITHIN_SECONDS
    )
    return changed


async def ended(owner: Owner, bulk_id: str) -> str:
    query = "SELECT state FROM jobs.bulk_actions WHERE id = $1 AND finished_at IS NOT NULL"
    state: str = await eventually(lambda: owner.fetchval(query, uuid.UUID(bulk_id)), WITHIN_SECONDS)
    return state


async def test_all_of_them_are_retried(jobs: Jobs, owner: Owner, start: Callable[[], object]) -> None:
    began = time.monotonic()
    action = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    start()
    assert await ended(owner, action.id) == "done"
    print(f"{JOBS} jobs retried in {time.monotonic() - began:.1f} s, the worker's start included")  # noqa: T201
    assert await states(owner) == {"queued": JOBS}
    assert await owner.fetchval("SELECT changed FROM jobs.bulk_actions") == JOBS


async def test_cancelled_in_the_middle_it_has_done_what_it_says(
    jobs: Jobs, owner: Owner, start: Callable[[], object]
) -> None:
    slowly = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"), rate=JOBS // 10)
    action = await steering.start_bulk(jobs, ADA, slowly)
    start()
    await progress(owner, action.id, 0)
    await steering.cancel_bulk(jobs, ADA, action.id)
    job = "SELECT count(*) FROM jobs.jobs WHERE actor = 'jobs.run_bulk' AND state IN ('queued', 'running')"
    await eventually(lambda: _is_zero(owner, job), WITHIN_SECONDS)
    changed = await owner.fetchval("SELECT changed FROM jobs.bulk_actions")
    assert 0 < changed < JOBS
    assert await states(owner) == {"queued": changed, "dead": JOBS - changed}


async def _is_zero(owner: Owner, query: str) -> bool:
    return bool(await owner.fetchval(query) == 0)


async def test_a_killed_worker_s_successor_goes_on_where_it_was(
    jobs: Jobs, owner: Owner, start_worker: StartWorker, start: Callable[[], object], database_url: str
) -> None:
    slowly = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"), rate=JOBS // 5)
    action = await steering.start_bulk(jobs, ADA, slowly)
    first = start_worker("worker-durable", DATABASE_URL=database_url, JOB_LEASE_SECONDS=1)
    before = await progress(owner, action.id, 0)
    first.kill()
    first.wait()
    assert before < JOBS
    start()
    assert await ended(owner, action.id) == "done"
    row = await owner.fetchrow("SELECT seen, changed FROM jobs.bulk_actions")
    assert row is not None
    assert (row["seen"], row["changed"]) == (JOBS, JOBS)
    assert await states(owner) == {"queued": JOBS}
    assert await owner.fetchval("SELECT max(crashes) FROM jobs.jobs WHERE actor = 'jobs.run_bulk'") == 1
