"""A bulk action leaves alone what came into its state after the order, however it came there."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest

from services.jobs import durable_store
from services.jobs.backend import JobFilter, NewJob, State
from services.jobs.claims import ClaimedMessage
from services.jobs.resources import Jobs
from services.jobs.verdicts import DONE, RELEASE, Verdict
from services.jobs.worker_row import WorkerRow
from tests.jobs.conftest import Owner

Move: TypeAlias = Callable[[Jobs, WorkerRow, ClaimedMessage], Awaitable[object]]
FAILED = Verdict("retry", 3600.0, "OSError", "no tea", "", "f" * 16, "services/tea.py:pour")


async def durable_claims(jobs: Jobs, worker: WorkerRow, number: int = 9) -> list[ClaimedMessage]:
    claimed, _ = await durable_store.claim(jobs.database, worker, ["tests.nobody"], number, number)
    return claimed


@pytest.fixture
async def worker(jobs: Jobs) -> WorkerRow:
    row = WorkerRow("durable", "test", ["default"], 4, 60.0, list)
    await row.beat(jobs.database)
    return row


async def discarded(jobs: Jobs, state: State, before: datetime) -> int:
    batch = await jobs.backend("durable").apply("discard", JobFilter(state=state), before, None, 100)
    assert batch.cursor is None
    return batch.changed


async def now(owner: Owner) -> datetime:
    moment: datetime = await owner.fetchval("SELECT now()")
    return moment


async def _fails(jobs: Jobs, _worker: WorkerRow, held: ClaimedMessage) -> None:
    await durable_store.settle(jobs.database, [(held.claim, FAILED, 0.0)], "test")


async def _is_released(jobs: Jobs, _worker: WorkerRow, held: ClaimedMessage) -> None:
    await durable_store.settle(jobs.database, [(held.claim, RELEASE, 0.0)], "test")


async def _loses_its_worker(jobs: Jobs, _worker: WorkerRow, held: ClaimedMessage) -> None:
    assert await durable_store.recover(jobs.database, "test", 3, 0.0, [held.claim.lease_token])


async def _is_handed_back(jobs: Jobs, worker: WorkerRow, _held: ClaimedMessage) -> None:
    assert await durable_store.hand_back_unknown(jobs.database, worker, []) == 1


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (_fails, "scheduled"),
        (_is_released, "ready"),
        (_loses_its_worker, "ready"),
        (_is_handed_back, "ready"),
    ],
)
async def test_a_durable_job_that_ran_at_the_order_is_left_alone(
    jobs: Jobs, owner: Owner, worker: WorkerRow, move: Move, state: State
) -> None:
    await jobs.backend("durable").enqueue(NewJob(actor="tests.nobody"))
    [held] = await durable_claims(jobs, worker)
    ordered = await now(owner)
    await move(jobs, worker, held)
    assert await discarded(jobs, state, ordered) == 0
    assert await discarded(jobs, state, await now(owner)) == 1


async def _two_of_a_key(jobs: Jobs, worker: WorkerRow) -> tuple[ClaimedMessage, str]:
    """One that runs, and one that found no slot and waits as if it could run."""
    both = [NewJob(actor="tests.nobody", concurrency_key="shop") for _ in range(2)]
    first, second = await jobs.backend("durable").enqueue_many(both)
    [held] = await durable_claims(jobs, worker, 1)
    assert held.message_id == first
    return held, second


async def test_a_durable_job_that_was_blocked_after_the_order_is_left_alone(
    jobs: Jobs, owner: Owner, worker: WorkerRow
) -> None:
    await _two_of_a_key(jobs, worker)
    ordered = await now(owner)
    await durable_claims(jobs, worker)
    assert await discarded(jobs, "blocked", ordered) == 0
    assert await discarded(jobs, "blocked", await now(owner)) == 1


@pytest.mark.parametrize("by", ["the one before", "a heartbeat"])
async def test_a_durable_job_that_was_let_in_after_the_order_is_left_alone(
    jobs: Jobs, owner: Owner, worker: WorkerRow, by: str
) -> None:
    held, other = await _two_of_a_key(jobs, worker)
    if by == "a heartbeat":  # it was being blocked when the one before ended
        await durable_store.settle(jobs.database, [(held.claim, DONE, 0.0)], "test")
        await owner.execute("UPDATE jobs.jobs SET state = 'blocked' WHERE id = $1", uuid.UUID(other))
    else:
        await durable_claims(jobs, worker)
    ordered = await now(owner)
    if by == "a heartbeat":
        assert await durable_store.unblock(jobs.database) == 1
    else:
        await durable_store.settle(jobs.database, [(held.claim, DONE, 0.0)], "test")
    assert await discarded(jobs, "ready", ordered) == 0
    assert await discarded(jobs, "ready", await now(owner)) == 1


async def test_a_durable_job_that_was_scheduled_at_the_order_is_not_ready_before_its_time(
    jobs: Jobs, owner: Owner
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    await jobs.backend("durable").enqueue(NewJob(actor="tests.nobody", run_at=soon))
    ordered = await now(owner)
    await owner.execute("UPDATE jobs.jobs SET run_at = clock_timestamp()")
    assert await discarded(jobs, "ready", ordered) == 0
    assert await discarded(jobs, "ready", await now(owner)) == 1
