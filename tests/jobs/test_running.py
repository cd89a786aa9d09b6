"""Durable jobs on a worker: run, retry, wait, die, stay."""

import threading
from datetime import UTC, datetime, timedelta

import dramatiq
import msgspec
import pytest

from services.errors import NotFound, Unavailable
from services.queue import enqueue
from services.request_context import RequestContext, current_request
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import QUICK, Owner, RunWorker

SOON = {"min_backoff": 1, "max_backoff": 5}


async def test_a_job_runs_with_its_arguments_and_leaves_one_attempt(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    heard: list[object] = []
    run_worker(database_url, send=lambda *words: heard.append(words))
    job = await enqueue(owner, "tests.send", "é", {"n": 1}, [None])
    row = await job_in_state(owner, job, "done")
    assert heard == [("é", {"n": 1}, [None])]
    assert row["finished_at"] >= row["started_at"] >= row["enqueued_at"]
    assert [(a["number"], a["outcome"], a["release"]) for a in await attempts_of(owner, job)] == [
        (1, "done", "test")
    ]


async def test_a_job_carries_the_id_of_the_request_that_asked_for_it(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    heard: list[str] = []

    def note() -> None:
        context = current_request.get()
        heard.append(context.request_id if context else "none")

    run_worker(database_url, note=note)
    token = current_request.set(RequestContext("asked-for-this"))
    await enqueue(owner, "tests.note")
    current_request.reset(token)
    await eventually(lambda: heard == ["asked-for-this"])


async def test_a_failing_job_is_retried_until_it_succeeds(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("the line is \x00 noisy \ud800")

    run_worker(database_url, flaky=(flaky, SOON))
    row = await job_in_state(owner, await enqueue(owner, "tests.flaky"), "done")
    attempts = await attempts_of(owner, row["id"])
    assert [a["outcome"] for a in attempts] == ["failed", "failed", "done"]
    assert row["failures"] == 2
    assert attempts[0]["error_class"] == "OSError"
    assert "in flaky" in attempts[0]["traceback"]


async def test_a_job_that_keeps_failing_dies_with_its_last_traceback(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    def hopeless() -> None:
        raise ValueError("never")

    run_worker(database_url, hopeless=(hopeless, {**SOON, "max_retries": 1}))
    row = await job_in_state(owner, await enqueue(owner, "tests.hopeless"), "dead")
    attempts = await attempts_of(owner, row["id"])
    assert [a["outcome"] for a in attempts] == ["failed", "failed"]
    assert attempts[1]["error_message"] == "never"
    assert "in hopeless" in attempts[1]["traceback"]


@pytest.mark.parametrize(("error", "state"), [(NotFound(), "dead"), (Unavailable(), "queued")])
async def test_the_shops_own_errors_say_whether_to_try_again(
    database_url: str, owner: Owner, run_worker: RunWorker, error: Exception, state: str
) -> None:
    def fail() -> None:
        raise error

    run_worker(database_url, fail=(fail, {"min_backoff": 3_600_000}))
    job = await enqueue(owner, "tests.fail")
    await eventually(lambda: attempts_of(owner, job))
    assert (await job_in_state(owner, job, state))["failures"] == 1


async def test_a_job_may_say_when_to_be_tried_again(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    def later() -> None:
        raise dramatiq.Retry("not yet", delay=3_600_000)

    run_worker(database_url, later=later)
    job = await enqueue(owner, "tests.later")
    await eventually(lambda: attempts_of(owner, job))
    row = await job_in_state(owner, job, "queued")
    assert row["run_at"] > datetime.now(UTC) + timedelta(minutes=59)


async def test_a_delayed_job_runs_when_it_is_due_and_not_before(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    run_worker(database_url, send=lambda _: None)
    await job_in_state(owner, await enqueue(owner, "tests.send", "first"), "done")  # it is at work
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    delayed = await enqueue(owner, "tests.send", "later", run_at=in_an_hour)
    at_once = await enqueue(owner, "tests.send", "now")
    assert (await job_in_state(owner, at_once, "done"))["started_at"] < in_an_hour
    assert (await job_in_state(owner, delayed, "queued"))["started_at"] is None
    soon = "UPDATE jobs.jobs SET run_at = now() + interval '0.4 seconds' WHERE id = $1 RETURNING run_at"
    due = await owner.fetchval(soon, delayed)
    assert (await job_in_state(owner, delayed, "done"))["started_at"] >= due


async def test_urgent_jobs_run_first(database_url: str, owner: Owner, run_worker: RunWorker) -> None:
    order: list[str] = []
    for name, priority in (("third", 5), ("first", -1), ("second", 0)):
        await enqueue(owner, "tests.note", name, priority=priority)
    run_worker(database_url, msgspec.structs.replace(QUICK, worker_threads=1), note=order.append)
    await eventually(lambda: len(order) == 3)
    assert order == ["first", "second", "third"]


async def test_a_job_of_an_unknown_actor_stays_in_the_queue(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    unknown = await enqueue(owner, "tests.of_a_newer_release")
    run_worker(database_url, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    row = await job_in_state(owner, unknown, "queued")
    assert row["attempt"] == 0


async def test_a_paused_queue_is_left_alone_until_it_is_resumed(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    await owner.execute("UPDATE jobs.queues SET paused = true WHERE backend = 'durable'")
    worker = run_worker(database_url, send=lambda: None)
    job = await enqueue(owner, "tests.send")
    seen = "SELECT seen_at FROM jobs.workers WHERE id = $1"
    first = await eventually(lambda: owner.fetchval(seen, worker.row.id))
    await eventually(
        lambda: owner.fetchval(seen + " AND seen_at > $2", worker.row.id, first + timedelta(seconds=0.5))
    )
    assert (await job_in_state(owner, job, "queued"))["attempt"] == 0
    await owner.execute("UPDATE jobs.queues SET paused = false")
    await job_in_state(owner, job, "done")


async def test_a_worker_takes_no_more_jobs_than_it_has_idle_threads(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    gate = threading.Event()
    run_worker(database_url, wait=lambda: gate.wait(60) and None)
    jobs = [await enqueue(owner, "tests.wait") for _ in range(10)]
    count = "SELECT count(*) FROM jobs.jobs WHERE state = 'running'"
    try:
        await eventually(lambda: owner.fetchval(count + " HAVING count(*) = 4"))
        full = "SELECT seen_at FROM jobs.workers WHERE jsonb_array_length(current_jobs) = 4"
        seen = await eventually(lambda: owner.fetchval(full))
        later = "SELECT jsonb_array_length(current_jobs) FROM jobs.workers WHERE seen_at > $1"
        assert await eventually(lambda: owner.fetchval(later, seen)) == 4
        assert await owner.fetchval(count) == 4
    finally:
        gate.set()
    for job in jobs:
        await job_in_state(owner, job, "done")


async def test_an_actor_may_send_to_another(database_url: str, owner: Owner, run_worker: RunWorker) -> None:
    heard: list[str] = []
    broker: dramatiq.Broker

    def first(word: str) -> None:
        broker.get_actor("tests.second").send(word)

    broker = run_worker(database_url, first=first, second=heard.append).broker
    await enqueue(owner, "tests.first", "hello")
    await eventually(lambda: heard == ["hello"])


async def test_what_would_keep_its_state_elsewhere_is_refused(
    database_url: str, run_worker: RunWorker
) -> None:
    broker = run_worker(database_url, send=lambda: None).broker
    send = broker.get_actor("tests.send")
    with pytest.raises(ValueError, match="pipe_target"):
        dramatiq.pipeline([send.message(), send.message()], broker=broker).run()
    with pytest.raises(RuntimeError, match="results backend"):
        broker.get_results_backend()
