"""Jobs on their way into a backend: now, later, many, in their order, merged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.jobs.backend import Feature, JobBackend, JobFilter, NewJob, NotOffered
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import Stand


@asynccontextmanager
async def refused_unless(backend: JobBackend, feature: Feature) -> AsyncIterator[None]:
    """What is inside works where the backend has the feature, and is refused where it has not."""
    if feature in backend.features:
        yield
        return
    with pytest.raises(NotOffered):
        yield


async def test_a_job_for_now_is_ready(backend: JobBackend) -> None:
    job = await backend.enqueue(NewJob(actor="tests.send"))
    assert (await backend.job(job)).card.state == "ready"
    assert [card.id for card in (await backend.jobs(JobFilter(state="ready"))).items] == [job]


async def test_a_job_at_a_time_waits_for_it(backend: JobBackend, stand: Stand) -> None:
    heard: list[str] = []
    at = datetime.now(UTC) + timedelta(hours=1)
    job = await backend.enqueue(NewJob(actor="tests.send", args=["later"], run_at=at))
    stand.work(send=heard.append)
    await backend.enqueue(NewJob(actor="tests.send", args=["now"]))
    await eventually(lambda: heard == ["now"])
    detail = await backend.job(job)
    assert detail.card.state == "scheduled"
    assert detail.run_at is not None
    assert abs(detail.run_at - at) < timedelta(seconds=1)
    assert [card.id for card in (await backend.jobs(JobFilter(state="scheduled"))).items] == [job]


async def test_a_job_after_a_while_runs_then(backend: JobBackend, stand: Stand) -> None:
    heard: list[datetime] = []
    due = datetime.now(UTC) + timedelta(seconds=0.5)
    await backend.enqueue(NewJob(actor="tests.send", run_at=due))
    stand.work(send=lambda: heard.append(datetime.now(UTC)))
    await eventually(lambda: heard)
    assert heard[0] >= due - timedelta(seconds=0.05)


async def test_a_time_without_a_zone_is_refused(backend: JobBackend) -> None:
    with pytest.raises(ValueError, match="zone"):
        await backend.enqueue(NewJob(actor="tests.send", run_at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_many_jobs_are_stored_at_once_with_ids_in_their_order(
    backend: JobBackend, stand: Stand
) -> None:
    heard: list[Any] = []
    ids = await backend.enqueue_many([NewJob(actor="tests.send", args=[n]) for n in range(50)])
    assert len(set(ids)) == 50
    for n in (0, 25, 49):
        assert (await backend.job(ids[n])).args == [n]
    stand.work(send=heard.append)
    await eventually(lambda: sorted(heard) == list(range(50)))


async def test_many_jobs_are_stored_all_or_none(backend: JobBackend) -> None:
    with pytest.raises(ValueError, match=r"job"):
        await backend.enqueue_many([NewJob(actor="tests.send"), NewJob(actor="no actor's name")])
    assert (await backend.counts())["ready"] == 0


async def test_no_jobs_are_no_problem(backend: JobBackend) -> None:
    assert await backend.enqueue_many([]) == []


async def test_the_lower_priority_runs_first(backend: JobBackend, stand: Stand) -> None:
    heard: list[str] = []
    async with refused_unless(backend, "priority"):
        await backend.enqueue(NewJob(actor="tests.send", args=["later"], priority=5))
        await backend.enqueue(NewJob(actor="tests.send", args=["plain"]))
        await backend.enqueue(NewJob(actor="tests.send", args=["urgent"], priority=-5))
        stand.work(threads=1, send=heard.append)
        await eventually(lambda: heard == ["urgent", "plain", "later"])


async def test_a_unique_key_finds_the_job_that_waits_under_it(backend: JobBackend) -> None:
    async with refused_unless(backend, "unique_key"):
        first = await backend.enqueue(NewJob(actor="tests.send", unique_key="cart 1"))
        same = [NewJob(actor="tests.send", unique_key=key) for key in ("cart 1", "cart 2", "cart 2")]
        again, other, other_again = await backend.enqueue_many(same)
        assert again == first
        assert other == other_again != first
        assert (await backend.counts())["ready"] == 2


async def test_a_retried_job_does_not_collide_with_the_one_that_came_under_its_key(
    backend: JobBackend,
) -> None:
    async with refused_unless(backend, "unique_key"):
        first = await backend.enqueue(NewJob(actor="tests.send", unique_key="cart"))
        await backend.discard(first)
        second = await backend.enqueue(NewJob(actor="tests.send", unique_key="cart"))
        assert second != first
        await backend.retry(first)
        assert (await backend.job(first)).card.state == "ready"
