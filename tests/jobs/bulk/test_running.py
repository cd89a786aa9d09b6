"""A bulk action is worked off in batches, by whoever is there."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.database import connection
from services.jobs import durable_store, steering
from services.jobs.backend import BackendAway, BackendName, Batch, JobFilter, NewJob, Verb
from services.jobs.bulk import bulk
from services.jobs.bulk.running import ACTOR, FAILURES_MAX, BulkFailed, run
from services.jobs.bulk.shapes import BulkAction, BulkOrder
from services.jobs.resources import Jobs
from services.jobs.worker_row import WorkerRow
from tests.jobs.backlog import ADA, dead_fast_jobs, dead_jobs, open_backends, ready_jobs, states
from tests.jobs.conftest import Owner

RETRY_DEAD = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"))


async def started(jobs: Jobs, order: BulkOrder = RETRY_DEAD) -> uuid.UUID:
    return uuid.UUID((await steering.start_bulk(jobs, ADA, order)).id)


async def action_of(jobs: Jobs, bulk_id: uuid.UUID) -> BulkAction:
    async with connection(jobs.database) as raw:
        return await bulk.one(raw, str(bulk_id))


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_every_job_that_fits_is_retried_on_both_backends(
    jobs: Jobs, owner: Owner, backend: BackendName
) -> None:
    for number, actor in ((1500, "tests.nobody"), (7, "tests.other")):
        if backend == "durable":
            await dead_jobs(owner, number, actor)
        else:
            await dead_fast_jobs(jobs, number, actor)
    mine = JobFilter(state="dead", actor="tests.nobody")
    bulk_id = await started(jobs, BulkOrder(backend=backend, verb="retry", wanted=mine))
    await run(jobs, bulk_id)
    counts = await jobs.backend(backend).counts()
    assert (counts["ready"] - (backend == "durable"), counts["dead"]) == (1500, 7)  # run_bulk is ready too
    done = await action_of(jobs, bulk_id)
    assert (done.state, done.expected, done.changed) == ("done", 1500, 1500)
    assert done.finished_at is not None


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_every_job_that_fits_is_discarded_on_both_backends(jobs: Jobs, backend: BackendName) -> None:
    await ready_jobs(jobs, backend, 1500)
    await ready_jobs(jobs, backend, 7, actor="tests.other")
    mine = JobFilter(state="ready", actor="tests.nobody")
    bulk_id = await started(jobs, BulkOrder(backend=backend, verb="discard", wanted=mine))
    await run(jobs, bulk_id)
    assert (await jobs.backend(backend).counts())["ready"] - (backend == "durable") == 7
    assert (await action_of(jobs, bulk_id)).changed == 1500


async def test_jobs_that_came_into_their_state_after_the_order_are_left_alone(
    jobs: Jobs, owner: Owner
) -> None:
    await dead_jobs(owner, 5)
    bulk_id = await started(jobs)
    [late] = await dead_jobs(owner, 1)
    await owner.execute(
        "UPDATE jobs.jobs SET finished_at = now() + interval '1 second' WHERE id = $1::uuid", late
    )
    await run(jobs, bulk_id)
    assert await states(owner) == {"queued": 5, "dead": 1}


async def test_two_workers_on_one_action_change_each_job_once(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 5000)
    bulk_id = await started(jobs)
    async with open_backends("other") as other:
        await asyncio.gather(run(jobs, bulk_id), run(other, bulk_id))
    action = await action_of(jobs, bulk_id)
    assert (action.state, action.seen, action.changed) == ("done", 5000, 5000)
    assert await states(owner) == {"queued": 5000}


async def test_a_slice_of_time_hands_over_to_the_next_job(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 2500)
    bulk_id = await started(jobs)
    await owner.execute("DELETE FROM jobs.jobs WHERE actor = 'jobs.run_bulk'")
    await run(jobs, bulk_id, slice_seconds=0)
    action = await action_of(jobs, bulk_id)
    assert (action.state, action.changed) == ("running", 1000)
    assert (
        await owner.fetchval("SELECT args FROM jobs.jobs WHERE actor = 'jobs.run_bulk'") == f'["{bulk_id}"]'
    )
    while (await action_of(jobs, bulk_id)).state == "running":
        await run(jobs, bulk_id, slice_seconds=0)
    assert await states(owner) == {"queued": 2500}


async def test_a_cancelled_action_changes_nothing_more(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 2500)
    bulk_id = await started(jobs)
    await run(jobs, bulk_id, slice_seconds=0)
    await steering.cancel_bulk(jobs, ADA, str(bulk_id))
    await run(jobs, bulk_id)
    action = await action_of(jobs, bulk_id)
    assert (action.state, action.changed) == ("cancelled", 1000)
    assert await states(owner) == {"queued": 1000, "dead": 1500}


async def test_a_batch_in_hand_counts_when_it_is_cancelled_meanwhile(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 2500)
    bulk_id = await started(jobs)
    meddling = Meddling(jobs, bulk_id)
    await run(with_durable(jobs, meddling), bulk_id)
    action = await action_of(jobs, bulk_id)
    assert (action.state, action.changed) == ("cancelled", 1000)
    assert (await states(owner))["queued"] == 1000


async def test_a_rate_makes_the_batches_small(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 30)
    bulk_id = await started(jobs, msgspec.structs.replace(RETRY_DEAD, rate=20))
    await run(jobs, bulk_id, slice_seconds=0)
    assert (await action_of(jobs, bulk_id)).changed == 20


async def test_a_backend_that_is_away_is_waited_for(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 3)
    bulk_id = await started(jobs)
    for _ in range(FAILURES_MAX + 1):
        with pytest.raises(BackendAway):
            await run(with_durable(jobs, Failing(BackendAway())), bulk_id)
    waiting = await action_of(jobs, bulk_id)
    assert (waiting.state, waiting.error and waiting.error.partition(":")[0]) == ("running", "BackendAway")
    await run(jobs, bulk_id)
    done = await action_of(jobs, bulk_id)
    assert (done.state, done.error, done.changed) == ("done", None, 3)


async def test_what_fails_again_and_again_waits_for_a_person(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 3)
    bulk_id = await started(jobs)
    failing = with_durable(jobs, Failing(ZeroDivisionError("by zero")))
    for _ in range(FAILURES_MAX - 1):
        with pytest.raises(ZeroDivisionError):
            await run(failing, bulk_id)
    with pytest.raises(BulkFailed):
        await run(failing, bulk_id)
    failed = await action_of(jobs, bulk_id)
    assert (failed.state, failed.error) == ("failed", "ZeroDivisionError: by zero")
    await run(jobs, bulk_id)
    assert (await action_of(jobs, bulk_id)).state == "done"


async def crashed_with_its_worker(jobs: Jobs, crashes_max: int) -> list[str]:
    """A worker takes up the jobs of bulk actions and goes away; how those jobs are then."""
    worker = WorkerRow("durable", "test", ["default"], 4, 60.0, list)
    await worker.beat(jobs.database)
    held, _ = await durable_store.claim(jobs.database, worker, [ACTOR], 9, 9)
    leases = [message.claim.lease_token for message in held]
    recovered = await durable_store.recover(jobs.database, "test", crashes_max, 0.0, leases)
    return [job.state for job in recovered]


async def test_an_action_whose_job_crashed_has_failed_until_that_is_retried(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 3)
    bulk_id = await started(jobs)
    assert await crashed_with_its_worker(jobs, 2) == ["queued"]
    assert (await action_of(jobs, bulk_id)).state == "waiting"
    assert await crashed_with_its_worker(jobs, 2) == ["crashed"]
    failed = await action_of(jobs, bulk_id)
    assert (failed.state, failed.error) == ("failed", "WorkerLost: The result could not be written")
    [job] = (await jobs.backend("durable").jobs(JobFilter(state="crashed"))).items
    await jobs.backend("durable").retry(job.id)
    await run(jobs, bulk_id)
    done = await action_of(jobs, bulk_id)
    assert (done.state, done.changed, done.error) == ("done", 3, None)


async def test_the_same_order_may_start_once_the_job_of_the_first_has_crashed(jobs: Jobs) -> None:
    first = await started(jobs)
    assert await crashed_with_its_worker(jobs, 1) == ["crashed"]
    assert await started(jobs) != first


async def test_an_action_whose_next_slice_runs_goes_on_though_the_slice_before_crashed(
    jobs: Jobs, owner: Owner
) -> None:
    await dead_jobs(owner, 2500)
    bulk_id = await started(jobs)
    worker = WorkerRow("durable", "test", ["default"], 4, 60.0, list)
    await worker.beat(jobs.database)
    [before], _ = await durable_store.claim(jobs.database, worker, [ACTOR], 9, 9)
    await run(jobs, bulk_id, slice_seconds=0)
    [following], _ = await durable_store.claim(jobs.database, worker, [ACTOR], 9, 9)
    await durable_store.recover(jobs.database, "test", 1, 0.0, [before.claim.lease_token])
    assert (await action_of(jobs, bulk_id)).state == "running"
    await durable_store.recover(jobs.database, "test", 1, 0.0, [following.claim.lease_token])
    assert (await action_of(jobs, bulk_id)).state == "failed"


class Failing:
    """A backend with a fault."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def apply(self, *_: object) -> Batch:
        raise self._error


class Meddling:
    """The durable backend, with somebody who cancels the action while a batch is in hand."""

    def __init__(self, jobs: Jobs, bulk_id: uuid.UUID) -> None:
        self._jobs, self._bulk_id = jobs, bulk_id

    async def apply(
        self, verb: Verb, wanted: JobFilter, before: datetime, cursor: str | None, limit: int
    ) -> Batch:
        batch = await self._jobs.backend("durable").apply(verb, wanted, before, cursor, limit)
        async with open_backends("canceller") as other:
            await steering.cancel_bulk(other, ADA, str(self._bulk_id))
        return batch


def with_durable(jobs: Jobs, backend: Any) -> Jobs:
    return Jobs(jobs.database, jobs.redis, {"durable": backend}, jobs.public_url)


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_scheduled_jobs_are_discarded_on_both_backends(jobs: Jobs, backend: BackendName) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    backlog = [NewJob(actor="tests.nobody", args=[n], run_at=tomorrow) for n in range(5)]
    await jobs.backend(backend).enqueue_many(backlog)
    order = BulkOrder(backend=backend, verb="discard", wanted=JobFilter(state="scheduled"))
    assert (await steering.preview_bulk(jobs, ADA, order)).count == 5
    await run(jobs, await started(jobs, order))
    assert (await jobs.backend(backend).counts())["scheduled"] == 0


async def test_without_redis_a_bulk_action_waits_and_goes_on_when_it_is_back(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead_fast_jobs(jobs, 3)
    order = BulkOrder(backend="fast", verb="retry", wanted=JobFilter(state="dead"))
    bulk_id = await started(jobs, order)
    monkeypatch.setenv("REDIS_QUEUE_URL", "redis://127.0.0.1:9/1")
    async with open_backends("cut off") as cut_off:
        with pytest.raises(BackendAway):
            await run(cut_off, bulk_id)
    waiting = await action_of(jobs, bulk_id)
    assert waiting.state == "running"
    assert waiting.error is not None
    await run(jobs, bulk_id)
    assert (await action_of(jobs, bulk_id)).changed == 3
