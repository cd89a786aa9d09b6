"""What an operator does: pause, retry, discard; one job, or all that fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.errors import Invalid, NotFound
from services.jobs.backend import JobBackend, JobFilter, NewJob, NotInState, Verb
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import SOON, Stand, in_state

ONCE = {**SOON, "max_retries": 0}


class Fickle:
    """An actor that fails as long as it is told to."""

    def __init__(self) -> None:
        self.fails, self.heard = True, list[object]()

    def __call__(self, *words: object) -> None:
        if self.fails:
            raise ValueError(f"no to {words}")
        self.heard.append(words[0])


async def dead_jobs(backend: JobBackend, stand: Stand, count: int) -> tuple[Fickle, list[str]]:
    fickle = Fickle()
    stand.work(fickle=(fickle, ONCE), other=(fickle, ONCE))
    jobs = [NewJob(actor=f"tests.{'other' if n % 3 == 0 else 'fickle'}", args=[n]) for n in range(count)]
    ids = await backend.enqueue_many(jobs)

    async def all_dead() -> bool:
        return (await backend.counts())["dead"] == count

    await eventually(all_dead)
    return fickle, ids


async def all_of(backend: JobBackend, verb: Verb, wanted: JobFilter, limit: int = 4) -> tuple[int, int]:
    """A bulk action from its first step to its last: how many were seen and changed."""
    before, cursor, seen, changed = datetime.now(UTC) + timedelta(seconds=1), None, 0, 0
    for _ in range(100):
        batch = await backend.apply(verb, wanted, before, cursor, limit)
        seen, changed, cursor = seen + batch.seen, changed + batch.changed, batch.cursor
        if cursor is None:
            return seen, changed
    raise AssertionError("it does not end")


async def keeps_discarded(backend: JobBackend) -> bool:
    """Or else what is discarded is gone."""
    return "discarded" in await backend.counts()


async def is_discarded(backend: JobBackend, job: str) -> bool:
    if await keeps_discarded(backend):
        return (await backend.job(job)).card.state == "discarded"
    with pytest.raises(NotFound):
        await backend.job(job)
    return True


async def test_nothing_of_a_paused_queue_is_begun(backend: JobBackend, stand: Stand) -> None:
    heard: list[str] = []
    stand.work(send=heard.append)
    await backend.enqueue(NewJob(actor="tests.send", args=["before"]))
    await eventually(lambda: heard == ["before"])
    await backend.pause("default")
    assert [queue.paused for queue in await backend.queues() if queue.name == "default"] == [True]
    paused = await backend.enqueue(NewJob(actor="tests.send", args=["paused"]))
    await stand.has_looked()
    assert heard == ["before"]
    assert (await backend.job(paused)).card.state == "ready"
    await backend.resume("default")
    await eventually(lambda: heard == ["before", "paused"])


async def test_a_queue_that_nobody_knows_can_not_be_paused(backend: JobBackend) -> None:
    for change in (backend.pause, backend.resume):
        with pytest.raises(NotFound):
            await change("unheard_of")


async def test_a_dead_job_is_retried_with_all_its_tries_anew(backend: JobBackend, stand: Stand) -> None:
    fickle, (job,) = await dead_jobs(backend, stand, 1)
    fickle.fails = False
    await backend.retry(job)
    await eventually(lambda: fickle.heard == [0])
    assert (await backend.counts())["dead"] == 0


async def test_a_waiting_job_is_discarded_and_can_be_retried(backend: JobBackend, stand: Stand) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    ready = await backend.enqueue(NewJob(actor="tests.send", args=["ready"]))
    scheduled = await backend.enqueue(NewJob(actor="tests.send", args=["scheduled"], run_at=at))
    for job in (ready, scheduled):
        await backend.discard(job)
        assert await is_discarded(backend, job)
        with pytest.raises((NotInState, NotFound)):
            await backend.discard(job)
    heard: list[str] = []
    stand.work(send=heard.append)
    if await keeps_discarded(backend):
        await backend.retry(scheduled)
    else:
        with pytest.raises(NotFound):
            await backend.retry(scheduled)
        await backend.enqueue(NewJob(actor="tests.send", args=["scheduled"]))
    await eventually(lambda: heard == ["scheduled"])
    assert await is_discarded(backend, ready)


async def test_a_waiting_job_can_not_be_retried(backend: JobBackend) -> None:
    job = await backend.enqueue(NewJob(actor="tests.send"))
    with pytest.raises(NotInState):
        await backend.retry(job)


@pytest.mark.parametrize("job", ["0190b0f0-0000-7000-8000-000000000000", "none", ""])
async def test_a_job_that_is_not_there_is_not_found(backend: JobBackend, job: str) -> None:
    for ask in (backend.job, backend.retry, backend.discard):
        with pytest.raises(NotFound):
            await ask(job)


async def test_all_that_fit_are_retried(backend: JobBackend, stand: Stand) -> None:
    fickle, _ = await dead_jobs(backend, stand, 12)
    fickle.fails = False
    wanted = JobFilter(state="dead", actor="tests.fickle")
    assert await backend.count(wanted) == 8
    assert await all_of(backend, "retry", wanted) == (8, 8)
    await eventually(lambda: sorted(map(str, fickle.heard)) == sorted(str(n) for n in range(12) if n % 3))
    assert (await backend.counts())["dead"] == 4


async def test_what_fails_again_after_a_bulk_retry_is_not_retried_twice(
    backend: JobBackend, stand: Stand
) -> None:
    _, ids = await dead_jobs(backend, stand, 6)
    before = datetime.now(UTC)
    first = await backend.apply("retry", JobFilter(state="dead"), before, None, 100)
    assert first.changed == 6

    async def dead_again() -> bool:
        return (await backend.counts())["dead"] == 6

    await eventually(dead_again)
    again = await backend.apply("retry", JobFilter(state="dead"), before, None, 100)
    assert again.changed == 0
    assert {(await backend.job(job)).card.state for job in ids} == {"dead"}


async def test_all_that_fit_are_discarded(backend: JobBackend, stand: Stand) -> None:
    _, ids = await dead_jobs(backend, stand, 6)
    waiting = await backend.enqueue(NewJob(actor="tests.unknown"))
    assert await all_of(backend, "discard", JobFilter(state="dead", text="3")) == (1, 1)
    assert await is_discarded(backend, ids[3])
    assert (await all_of(backend, "discard", JobFilter()))[1] == 6
    assert await is_discarded(backend, waiting)


async def test_a_bulk_retry_leaves_what_was_discarded_unless_it_is_asked_for(
    backend: JobBackend, stand: Stand
) -> None:
    _, ids = await dead_jobs(backend, stand, 2)
    await backend.discard(ids[0])
    assert await all_of(backend, "retry", JobFilter()) == (1, 1)
    await in_state(backend, ids[1], "dead")
    assert await is_discarded(backend, ids[0])
    if await keeps_discarded(backend):
        assert await all_of(backend, "retry", JobFilter(state="discarded")) == (1, 1)
        await in_state(backend, ids[0], "dead")


async def test_a_group_of_failures_is_retried(backend: JobBackend, stand: Stand) -> None:
    fickle, ids = await dead_jobs(backend, stand, 4)
    group = (await backend.job(ids[0])).group
    assert await backend.count(JobFilter(group=group)) == 4
    assert await backend.count(JobFilter(group="0" * 16)) == 0
    fickle.fails = False
    assert await all_of(backend, "retry", JobFilter(group=group)) == (4, 4)
    await eventually(lambda: len(fickle.heard) == 4)


async def test_a_bulk_step_refuses_what_is_no_cursor(backend: JobBackend) -> None:
    for cursor in ("x", "", "W10", "WyJkZWFkIiwxLDJd"):
        if cursor:
            with pytest.raises(Invalid):
                await backend.apply("retry", JobFilter(state="dead"), datetime.now(UTC), cursor, 10)
