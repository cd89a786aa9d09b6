"""What a worker claims beyond its idle threads: moments' work, never a hoard."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from services.jobs.claims import Claim, ClaimedMessage
from services.jobs.claims_ahead import ClaimsAhead
from services.jobs.durable_store import _CLAIM
from services.queue import enqueue
from tests.jobs.conditions import eventually
from tests.jobs.conftest import QUICK, Owner, RunWorker

THREADS = 4


@dataclass
class Stage:
    """Threads that run what they are given when they are told to, and a clock that stands still."""

    now: float = 0.0
    begun: list[ClaimedMessage] = field(default_factory=list)
    ahead: ClaimsAhead = field(init=False)

    def __post_init__(self) -> None:
        self.ahead = ClaimsAhead(THREADS, self.begun.append, lambda: self.now)

    def run(self, seconds: float) -> float:
        """Ends the oldest job that runs, `seconds` from now; how long it had waited."""
        self.now += seconds
        return self.ahead.end(self.begun.pop(0).claim)

    def learn(self, seconds: float) -> None:
        """Lets it see many jobs that take so long."""
        for _ in range(50):
            self.ahead.take([message()])
            self.run(seconds)


def message() -> ClaimedMessage:
    row = {
        "queue": "default", "actor": "tests.send", "args": "[]", "kwargs": "{}", "options": "{}",
        "id": uuid.uuid4(), "enqueued_at": datetime.now(UTC), "lease_token": uuid.uuid4(), "failures": 0,
        "run_at": datetime.now(UTC), "request_id": None, "traceparent": None,
    }  # fmt: skip
    return ClaimedMessage(row)  # type: ignore[arg-type]  # it reads a row by names only


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_worker_that_knows_nothing_yet_claims_what_its_threads_can_begin(stage: Stage) -> None:
    assert stage.ahead.room() == (THREADS, THREADS)
    stage.ahead.take([message() for _ in range(THREADS)])
    assert len(stage.begun) == THREADS
    assert stage.ahead.room() == (0, 0)


def test_long_jobs_are_never_claimed_ahead(stage: Stage) -> None:
    stage.learn(0.2)
    assert stage.ahead.room() == (THREADS, THREADS)


def test_short_jobs_are_claimed_ahead_in_few_large_steps(stage: Stage) -> None:
    stage.learn(0.001)
    wanted, at_once = stage.ahead.room()
    assert (wanted, at_once) == (9 * THREADS, THREADS)
    stage.ahead.take([message() for _ in range(wanted)])
    assert len(stage.begun) == THREADS
    stage.run(0.001)
    assert len(stage.begun) == THREADS, "the next one begins at once"
    assert stage.ahead.room() == (0, 0)
    for _ in range(4 * THREADS):
        stage.run(0.001)
    assert stage.ahead.room() == (4 * THREADS + 1, 0)


def test_what_waited_tells_how_long(stage: Stage) -> None:
    stage.ahead.take([message() for _ in range(THREADS + 1)])
    assert stage.run(0.25) == 0.0
    for _ in range(THREADS - 1):
        stage.run(0.0)
    assert stage.run(1.0) == 0.25


def test_what_waits_behind_long_jobs_goes_back(stage: Stage) -> None:
    waiting = message()
    stage.ahead.take([*(message() for _ in range(THREADS)), waiting])
    assert not stage.ahead.is_stuck()
    stage.now += 1.0
    assert stage.ahead.is_stuck()
    assert stage.ahead.drop_waiting() == [waiting.claim]
    assert not stage.ahead.is_stuck()


def test_what_has_waited_through_a_pause_of_the_worker_does_not_begin(stage: Stage) -> None:
    stage.ahead.take([message() for _ in range(THREADS + 1)])
    stage.run(60.0)
    assert len(stage.begun) == THREADS - 1


def test_a_worker_that_stops_begins_nothing_more(stage: Stage) -> None:
    stage.ahead.take([message() for _ in range(THREADS + 1)])
    stage.ahead.stop()
    stage.run(0.001)
    assert len(stage.begun) == THREADS - 1
    assert stage.ahead.room() == (0, 0)
    assert stage.ahead.is_stuck(), "what waits goes back at once"


def test_the_end_of_a_job_nobody_began_changes_nothing(stage: Stage) -> None:
    stranger = Claim(uuid.uuid4(), uuid.uuid4(), 0, None, None)
    assert stage.ahead.end(stranger) == 0.0
    assert stage.ahead.room() == (THREADS, THREADS)


async def test_jobs_that_went_down_with_a_worker_or_hold_a_slot_wait_for_an_idle_thread(owner: Owner) -> None:
    worker = uuid.uuid4()
    await owner.execute(
        """INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until)
           VALUES ($1, 'durable', 'host', 1, 'test', '{default}', 2, now() + interval '1 minute')""",
        worker,
    )
    ids = [await enqueue(owner, "tests.send", number) for number in range(6)]
    await owner.execute("UPDATE jobs.jobs SET crashes = 1 WHERE id = ANY ($1)", [ids[0], ids[2]])
    await owner.execute("UPDATE jobs.jobs SET concurrency_key = 'key' WHERE id = ANY ($1)", [ids[1], ids[3]])
    rows = await owner.fetch(_CLAIM, worker, ["default"], ["tests.send"], 5, 2)
    assert {row["id"] for row in rows} == {ids[0], ids[1], ids[4]}


async def test_a_worker_with_long_jobs_keeps_no_short_ones_from_another(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    gate, jobs = (
        threading.Event(),
        "SELECT count(*) FROM jobs.jobs WHERE actor = 'tests.quick' AND state = 'done'",
    )

    def wait() -> None:
        gate.wait(30)

    async def store(quick: int, long: int) -> None:
        async with owner.transaction():
            for _ in range(long):
                await enqueue(owner, "tests.wait", priority=-1)
            for _ in range(quick):
                await enqueue(owner, "tests.quick")

    async def done() -> int:
        count: int = await owner.fetchval(jobs)
        return count

    run_worker(database_url, quick=lambda: None, wait=wait)
    await store(quick=100, long=0)
    await eventually(lambda: _equals(done, 100))
    await store(quick=20, long=QUICK.worker_threads)
    await eventually(
        lambda: owner.fetchval(
            "SELECT count(*) = $1 FROM jobs.jobs WHERE actor = 'tests.wait' AND state = 'running'",
            QUICK.worker_threads,
        )
    )
    try:
        run_worker(database_url, quick=lambda: None)
        await eventually(lambda: _equals(done, 120))
        outcomes = await owner.fetch("SELECT DISTINCT outcome FROM jobs.attempts")
        assert [row["outcome"] for row in outcomes] == ["done"], "what never began leaves no attempt"
    finally:
        gate.set()


async def _equals(ask: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await ask() == wanted
