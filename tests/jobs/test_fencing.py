"""A worker that lost its lease may finish its work, but it has no say any more."""

import logging
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from services.queue import enqueue
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import QUICK, Owner, RunWorker
from tests.jobs.contract.stands import Servers, lines_of, start_process

# Its lease ends when a test ends it.
ONE_HEARTBEAT = msgspec.structs.replace(QUICK, job_heartbeat_seconds=3600.0, job_lease_seconds=3600.0)


@pytest.mark.parametrize("ending", ["succeeds", "fails"])
async def test_the_result_of_a_zombie_is_refused(
    database_url: str, owner: Owner, run_worker: RunWorker, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    caplog.set_level(logging.WARNING, "kiosk.jobs")
    gate, zombie_works = threading.Event(), threading.Event()

    def slow() -> None:
        zombie_works.set()
        gate.wait(60)
        if ending == "fails":
            raise OSError("too late")

    zombie = run_worker(database_url, ONE_HEARTBEAT, slow=slow)
    job = await enqueue(owner, "tests.slow")
    try:
        await eventually(zombie_works.is_set)
        await owner.execute("UPDATE jobs.workers SET leased_until = now() WHERE id = $1", zombie.row.id)
        heir = run_worker(database_url, QUICK, slow=lambda: None)
        finished = await job_in_state(owner, job, "done")
    finally:
        gate.set()
    await eventually(lambda: "the lease was lost" in caplog.text)
    assert await owner.fetchrow("SELECT * FROM jobs.jobs WHERE id = $1", job) == finished
    assert [(a["worker_id"], a["outcome"]) for a in await attempts_of(owner, job)] == [
        (zombie.row.id, "crashed"),
        (heir.row.id, "done"),
    ]


async def test_a_worker_without_a_lease_claims_nothing(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    worker = run_worker(database_url, ONE_HEARTBEAT, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    await owner.execute("UPDATE jobs.workers SET leased_until = now() WHERE id = $1", worker.row.id)
    job = await enqueue(owner, "tests.send")
    await eventually(lambda: _claims_since(owner, 3))
    assert (await job_in_state(owner, job, "queued"))["attempt"] == 0


async def _claims_since(owner: Owner, count: int) -> bool:
    """Whether the worker has asked again so many times: each poll is one statement on its connection."""
    asked: set[object] = set()
    query = (
        "SELECT query_start FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'kiosk-test'"
        " AND query LIKE '%WITH ready%'"
    )

    async def look() -> bool:
        asked.update(row["query_start"] for row in await owner.fetch(query))
        return len(asked) >= count

    return bool(await eventually(look))


async def test_a_job_that_takes_its_workers_with_it_is_parked_as_crashed(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    gate = threading.Event()
    job = await enqueue(owner, "tests.wait")
    try:
        for crash in range(QUICK.job_crashes_max):
            worker = run_worker(database_url, ONE_HEARTBEAT, wait=lambda: gate.wait(60) and None)
            held = "SELECT true FROM jobs.jobs WHERE id = $1 AND worker_id = $2 AND state = 'running'"
            await eventually(partial(owner.fetchval, held, job, worker.row.id))
            await owner.execute("UPDATE jobs.workers SET leased_until = now() WHERE id = $1", worker.row.id)
            run_worker(database_url, QUICK, unrelated=lambda: None)
            await eventually(partial(_crashes, owner, job, crash + 1))
    finally:
        gate.set()
    row = await job_in_state(owner, job, "crashed")
    assert row["finished_at"] is not None
    assert [a["outcome"] for a in await attempts_of(owner, job)] == ["crashed"] * QUICK.job_crashes_max


async def _crashes(owner: Owner, job: object, count: int) -> bool:
    row: asyncpg.Record | None = await owner.fetchrow("SELECT crashes FROM jobs.jobs WHERE id = $1", job)
    return row is not None and row["crashes"] == count


async def test_jobs_whose_claim_was_never_answered_return_to_the_queue(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    """The claim commits, its answer is lost with the connection: the worker lives, the job does not."""
    worker = run_worker(database_url, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    claiming = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE '%WITH ready%'"
    )

    async def claimer() -> int | None:
        await owner.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # or a transaction sees what its first look saw
        pid: int | None = await owner.fetchval(claiming)
        return pid

    async with owner.transaction():
        await owner.execute("LOCK TABLE jobs.queues")
        claim_pid = await eventually(claimer)
        job = await owner.fetchval(
            "INSERT INTO jobs.jobs (queue, actor, state, worker_id, lease_token, started_at)"
            " VALUES ('default', 'tests.send', 'running', $1, gen_random_uuid(), now()) RETURNING id",
            worker.row.id,
        )
        await owner.execute("SELECT pg_terminate_backend($1)", claim_pid)
    assert (await job_in_state(owner, job, "done"))["worker_id"] == worker.row.id


@pytest.fixture
def zombie(database_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_process("durable", Servers(database_url, ""), tmp_path / "zombie.log")
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("actor", "more"), [("hang", []), ("hang_and_fail", [True]), ("hang_and_fail", [False])],
    ids=["ack", "nack", "retry"],
)  # fmt: skip
async def test_a_process_paused_past_its_lease_overwrites_nothing(
    database_url: str,
    owner: Owner,
    run_worker: RunWorker,
    zombie: subprocess.Popen[bytes],
    tmp_path: Path,
    actor: str,
    more: list[Any],
) -> None:
    file = tmp_path / "lines"
    job = await enqueue(owner, f"tests.{actor}", str(file), "begun", *more)
    await eventually(lambda: lines_of(file) == ["begun"])
    zombie.send_signal(signal.SIGSTOP)
    run_worker(database_url, QUICK, hang=lambda *_: None, hang_and_fail=lambda *_: None)
    finished = await job_in_state(owner, job, "done")
    attempts, groups = await attempts_of(owner, job), await _groups(owner)
    Path(f"{file}.open").touch()
    zombie.send_signal(signal.SIGCONT)
    await eventually(lambda: "the lease was lost" in (tmp_path / "zombie.log").read_text())
    assert await owner.fetchrow("SELECT * FROM jobs.jobs WHERE id = $1", job) == finished
    assert [a["outcome"] for a in attempts] == ["crashed", "done"]
    assert await attempts_of(owner, job) == attempts
    assert await _groups(owner) == groups, "a result that was refused is no failure either"


async def _groups(owner: Owner) -> list[asyncpg.Record]:
    return await owner.fetch("SELECT * FROM jobs.failure_groups ORDER BY fingerprint")


async def test_what_is_leased_to_a_living_worker_that_does_not_hold_it_returns_to_the_queue(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    """As when a claim is granted after its worker gave up waiting, and looked for it in vain."""
    worker = run_worker(database_url, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    job = await owner.fetchval(
        "INSERT INTO jobs.jobs (queue, actor, state, attempt, worker_id, lease_token, started_at)"
        " VALUES ('default', 'tests.send', 'running', 1, $1, gen_random_uuid(), now()) RETURNING id",
        worker.row.id,
    )
    row = await job_in_state(owner, job, "done")
    assert (row["attempt"], row["crashes"], row["failures"]) == (2, 0, 0)


async def test_one_result_that_can_not_be_written_costs_no_other(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    """It counts as a crash, so that it does not run for ever; its worker lives on."""

    def poison() -> None:
        raise ValueError("poison")

    await owner.execute(
        "ALTER TABLE jobs.attempts ADD CONSTRAINT no_poison CHECK (error_message <> 'poison') NOT VALID"
    )
    worker = run_worker(database_url, poison=poison, send=lambda: None)
    async with owner.transaction():
        poisoned = await enqueue(owner, "tests.poison")
        others = [await enqueue(owner, "tests.send") for _ in range(20)]
    row = await job_in_state(owner, poisoned, "crashed")
    assert row["crashes"] == QUICK.job_crashes_max
    assert (row["error_class"], row["error_message"]) == ("WorkerLost", "The result could not be written")
    assert [a["outcome"] for a in await attempts_of(owner, poisoned)] == ["crashed"] * QUICK.job_crashes_max
    for job in others:
        await job_in_state(owner, job, "done")
        assert [a["worker_id"] for a in await attempts_of(owner, job)] == [worker.row.id]
