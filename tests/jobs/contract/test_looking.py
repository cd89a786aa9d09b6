"""Lists, numbers, and one job with all that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.errors import Invalid
from services.jobs.backend import JobBackend, JobFilter, NewJob
from services.private_text import MASK
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import Stand, in_state
from tests.jobs.contract.test_enqueueing import refused_unless
from tests.jobs.contract.test_steering import dead_jobs


async def ids_of(backend: JobBackend, wanted: JobFilter, limit: int = 3) -> list[str]:
    """All pages of a list."""
    found: list[str] = []
    cursor = None
    for _ in range(100):
        page = await backend.jobs(wanted, cursor, limit)
        found += [card.id for card in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


async def test_the_pages_of_a_list_hold_every_job_once(backend: JobBackend, stand: Stand) -> None:
    _, dead = await dead_jobs(backend, stand, 8)
    at = datetime.now(UTC) + timedelta(hours=1)
    scheduled = await backend.enqueue_many(
        [NewJob(actor="tests.send", run_at=at + timedelta(seconds=n)) for n in range(7)]
    )
    assert sorted(await ids_of(backend, JobFilter(state="dead"))) == sorted(dead)
    assert await ids_of(backend, JobFilter(state="scheduled")) == scheduled, "next first"
    assert sorted(await ids_of(backend, JobFilter())) == sorted(dead + scheduled)
    page = await backend.jobs(JobFilter(state="dead"))
    assert [card.at for card in page.items] == sorted((card.at for card in page.items), reverse=True)


async def test_a_list_can_be_narrowed(backend: JobBackend, stand: Stand) -> None:
    _, dead = await dead_jobs(backend, stand, 6)
    detail = await backend.job(dead[1])
    found = {
        "actor": await ids_of(backend, JobFilter(state="dead", actor="tests.other")),
        "queue": await ids_of(backend, JobFilter(state="dead", queue="default")),
        "no queue": await ids_of(backend, JobFilter(state="dead", queue="other")),
        "text": await ids_of(backend, JobFilter(state="dead", text="[4]")),
        "error": await ids_of(backend, JobFilter(state="dead", error="VALUEERROR: No to (2")),
        "since": await ids_of(backend, JobFilter(state="dead", since=datetime.now(UTC))),
        "at": await ids_of(backend, JobFilter(state="dead", since=detail.card.at)),
        "until": await ids_of(backend, JobFilter(state="dead", until=detail.card.at)),
        "group": await ids_of(backend, JobFilter(group=detail.group)),
    }
    assert sorted(found["actor"]) == sorted([dead[0], dead[3]])
    assert sorted(found["queue"]) == sorted(dead)
    assert found["text"] == [dead[4]]
    assert found["error"] == [dead[2]]
    assert found["no queue"] == found["since"] == []
    assert dead[1] in found["at"]
    assert dead[1] not in found["until"]
    assert sorted(found["at"] + found["until"]) == sorted(dead)
    assert sorted(found["group"]) == sorted(dead)


async def test_percent_signs_in_a_filter_mean_themselves(backend: JobBackend) -> None:
    job = await backend.enqueue(NewJob(actor="tests.send", args=["10% OFF_"]))
    await backend.enqueue(NewJob(actor="tests.send", args=["10 off "]))
    assert await ids_of(backend, JobFilter(state="ready", text="% off_")) == [job]


async def test_letters_of_any_kind_are_found_in_small_and_capital(backend: JobBackend) -> None:
    job = await backend.enqueue(NewJob(actor="tests.send", args=["Über KAFFEE"]))
    assert await ids_of(backend, JobFilter(state="ready", text="Über kaffee")) == [job]
    with pytest.raises(Invalid):
        await backend.jobs(JobFilter(state="ready", text="\x00"))


async def test_what_is_no_cursor_of_the_list_is_refused(backend: JobBackend) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await backend.enqueue_many([NewJob(actor="tests.send", run_at=at) for _ in range(3)])
    page = await backend.jobs(JobFilter(state="scheduled"), limit=1)
    assert page.next_cursor is not None
    for cursor in ("x", "é", "bnVsbA", page.next_cursor):
        with pytest.raises(Invalid):
            await backend.jobs(JobFilter(state="dead"), cursor)


async def test_the_states_are_counted(backend: JobBackend, stand: Stand) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await backend.enqueue_many([NewJob(actor="tests.send")] * 2 + [NewJob(actor="tests.send", run_at=at)] * 3)
    counts = await backend.counts()
    assert (counts["ready"], counts["scheduled"], counts["dead"]) == (2, 3, 0)
    assert await backend.count(JobFilter(state="ready")) == 2
    assert await backend.count(JobFilter(state="scheduled"), at_most=2) == 2
    (queue,) = [queue for queue in await backend.queues() if queue.name == "default"]
    assert (queue.backend, queue.depth, queue.scheduled) == (backend.name, 2, 3)


async def test_a_job_shows_its_arguments_masked(backend: JobBackend) -> None:
    secret = {"email": "ada@example.org", "lines": [{"sku": "CUP", "api_key": "abc"}]}
    job = await backend.enqueue(NewJob(actor="tests.send", args=[secret, "ada@example.org", 7]))
    shown, revealed = await backend.job(job), await backend.job(job, reveal=True)
    hidden = {"email": MASK, "lines": [{"sku": "CUP", "api_key": MASK}]}
    assert (shown.args, shown.masked) == ([hidden, MASK, 7], True)
    assert (revealed.args, revealed.masked) == ([secret, "ada@example.org", 7], False)
    assert "ada@" not in shown.card.arguments
    assert '"CUP"' in shown.card.arguments
    (card,) = (await backend.jobs(JobFilter(state="ready"))).items
    assert card == shown.card
    assert len((await backend.jobs(JobFilter(state="ready"))).items) == 1


async def test_a_large_argument_does_not_fill_a_list(backend: JobBackend) -> None:
    await backend.enqueue(NewJob(actor="tests.send", args=["word " * 20_000]))
    (card,) = (await backend.jobs(JobFilter(state="ready"))).items
    assert len(card.arguments) <= 200


async def test_a_job_tells_what_became_of_it(backend: JobBackend, stand: Stand) -> None:
    _, (job,) = await dead_jobs(backend, stand, 1)
    detail = await backend.job(job)
    assert (detail.card.id, detail.card.backend, detail.card.queue) == (job, backend.name, "default")
    assert (detail.card.actor, detail.card.state, detail.card.attempts) == ("tests.other", "dead", 1)
    assert detail.failures == 1
    assert detail.finished_at is not None
    (attempt,) = detail.attempts
    assert (attempt.outcome, attempt.error_class) == ("failed", "ValueError")
    assert attempt.error_message == "no to (0,)"
    if "attempts" in backend.features:
        assert attempt.duration_ms is not None
        assert attempt.worker is not None


async def test_finished_jobs_can_be_looked_at(backend: JobBackend, stand: Stand) -> None:
    heard: list[object] = []
    job = await backend.enqueue(NewJob(actor="tests.send", args=[1]))
    stand.work(send=heard.append)
    await eventually(lambda: heard == [1])
    if "done" not in backend.features:
        return
    await in_state(backend, job, "done")
    assert await ids_of(backend, JobFilter(state="done")) == [job]
    assert (await backend.counts())["done"] == 1


async def test_a_job_shows_its_keys_masked(backend: JobBackend) -> None:
    unique, concurrency = "welcome:ada@example.org", "mailbox ada@example.org"
    async with refused_unless(backend, "unique_key"):
        job = await backend.enqueue(
            NewJob(actor="tests.send", unique_key=unique, concurrency_key=concurrency)
        )
        shown, revealed = await backend.job(job), await backend.job(job, reveal=True)
        hidden = (f"welcome:{MASK}", f"mailbox {MASK}", True)
        assert (shown.unique_key, shown.concurrency_key, shown.masked) == hidden
        assert (revealed.unique_key, revealed.concurrency_key, revealed.masked) == (
            unique,
            concurrency,
            False,
        )
