"""The limit of jobs by key as PostgreSQL holds it, whoever claims."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.jobs.durable_store import _BLOCK, _CLAIM
from services.queue import enqueue
from tests.jobs.conditions import eventually, job_in_state
from tests.jobs.conftest import Owner, RunWorker

# As the release before claims, which knows nothing of slots.
CLAIM_BEFORE = (
    "UPDATE jobs.jobs SET state = 'running', worker_id = $1, lease_token = gen_random_uuid(),"
    " started_at = now() WHERE state = 'queued' RETURNING id"
)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Owner]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def worker(owner: Owner) -> uuid.UUID:
    """A worker's row with a lease, to claim by hand."""
    worker: uuid.UUID = await owner.fetchval(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until)"
        " VALUES (gen_random_uuid(), 'durable', 'here', 1, 'test', '{default}', 8, now() + interval '1 hour')"
        " RETURNING id"
    )
    return worker


async def add(owner: Owner, count: int, at_most: int = 1) -> list[uuid.UUID]:
    return [
        await enqueue(owner, "tests.send", concurrency_key="shop", concurrency_max=at_most)
        for _ in range(count)
    ]


async def claim(connection: Owner, worker: uuid.UUID) -> tuple[set[uuid.UUID], set[uuid.UUID]]:
    """What was claimed, and what is blocked now."""
    rows = await connection.fetch(_CLAIM, worker, ["default"], ["tests.send"], 8, 8)
    claimed = {row["id"] for row in rows if row["lease_token"] is not None}
    left = {row["id"] for row in rows} - claimed
    return claimed, {row["id"] for row in await connection.fetch(_BLOCK, list(left))}


async def test_the_release_before_keeps_to_the_limit_too(owner: Owner, worker: uuid.UUID) -> None:
    await add(owner, 5, at_most=2)
    plain = await enqueue(owner, "tests.send")
    claimed = {row["id"] for row in await owner.fetch(CLAIM_BEFORE, worker)}
    assert plain in claimed
    assert len(claimed) == 3
    assert await owner.fetch(CLAIM_BEFORE, worker) == []


async def test_a_claim_takes_the_free_slots_and_blocks_the_rest(owner: Owner, worker: uuid.UUID) -> None:
    jobs = await add(owner, 5, at_most=2)
    assert await claim(owner, worker) == (set(jobs[:2]), set(jobs[2:]))
    slots = await owner.fetch("SELECT concurrency_slot FROM jobs.jobs WHERE state = 'running' ORDER BY 1")
    assert [row[0] for row in slots] == [1, 2]


async def test_two_jobs_can_not_have_one_slot(owner: Owner, worker: uuid.UUID) -> None:
    await add(owner, 2, at_most=2)
    await claim(owner, worker)
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute("UPDATE jobs.jobs SET concurrency_slot = 1")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE jobs.jobs SET concurrency_slot = concurrency_slot + 2")


async def test_while_another_claims_a_key_its_jobs_wait(
    owner: Owner, other: Owner, worker: uuid.UUID
) -> None:
    jobs = await add(owner, 10, at_most=2)
    async with owner.transaction():
        assert (await claim(owner, worker))[0] == set(jobs[:2])
        assert await claim(other, worker) == (set(), set())
    assert (await claim(other, worker))[1] == set(jobs[8:])


async def test_the_end_of_a_job_lets_the_most_urgent_one_in(owner: Owner, worker: uuid.UUID) -> None:
    jobs = await add(owner, 3)
    await claim(owner, worker)
    await owner.execute("UPDATE jobs.jobs SET priority = -1 WHERE id = $1", jobs[2])
    await owner.execute("UPDATE jobs.jobs SET state = 'done', finished_at = now() WHERE id = $1", jobs[0])
    states = await owner.fetch("SELECT state FROM jobs.jobs ORDER BY id")
    assert [row["state"] for row in states] == ["done", "blocked", "queued"]


async def test_what_a_race_left_blocked_is_found(
    owner: Owner, database_url: str, run_worker: RunWorker
) -> None:
    """The last job of the key ended while the others were being blocked: nothing else would wake them."""
    jobs = await add(owner, 3)
    elsewhere = await enqueue(owner, "tests.send", concurrency_key="till")
    await owner.execute("UPDATE jobs.jobs SET state = 'blocked'")
    run_worker(database_url, send=lambda: None)
    for job in (*jobs, elsewhere):
        await job_in_state(owner, job, "done")


async def test_a_paused_queue_does_not_keep_a_slot_from_the_others(
    owner: Owner, database_url: str, worker: uuid.UUID, run_worker: RunWorker
) -> None:
    (running,) = await add(owner, 1)
    paused = await enqueue(owner, "tests.send", queue="letters", concurrency_key="shop")
    job = await enqueue(owner, "tests.send", concurrency_key="shop")
    await claim(owner, worker)
    await owner.execute("UPDATE jobs.jobs SET state = 'blocked' WHERE state = 'queued'")
    await owner.execute("UPDATE jobs.queues SET paused = true WHERE name = 'letters'")
    await owner.execute("UPDATE jobs.jobs SET state = 'done', finished_at = now() WHERE id = $1", running)
    await job_in_state(owner, paused, "queued")  # it was next, but it may not begin
    run_worker(database_url, send=lambda: None)
    await job_in_state(owner, job, "done")


async def test_no_more_are_let_in_than_there_are_slots(
    owner: Owner, database_url: str, run_worker: RunWorker
) -> None:
    await add(owner, 30, at_most=2)
    await owner.execute("UPDATE jobs.jobs SET state = 'blocked'")
    run_worker(database_url, unrelated=lambda: None)
    count = "SELECT count(*) FROM jobs.jobs WHERE state = 'queued'"
    await eventually(lambda: owner.fetchval(count))
    seen = await owner.fetchval("SELECT max(seen_at) FROM jobs.workers")
    beaten = "SELECT max(seen_at) > $1::timestamptz + interval '0.5 seconds' FROM jobs.workers"
    await eventually(lambda: owner.fetchval(beaten, seen))
    assert await owner.fetchval(count) == 2


async def test_a_unique_key_finds_a_blocked_job(owner: Owner, worker: uuid.UUID) -> None:
    await add(owner, 1)
    await claim(owner, worker)
    job = await enqueue(owner, "tests.send", unique_key="cart", concurrency_key="shop")
    assert (await claim(owner, worker))[1] == {job}
    assert await enqueue(owner, "tests.send", unique_key="cart") == job
