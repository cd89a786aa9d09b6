"""Figures as they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from services.errors import DatabaseUnavailable
from services.jobs.dashboard import live
from services.jobs.dashboard.pulse import Pulse, Standing
from services.jobs.resources import Jobs, jobs_of
from services.lifecycle import Lifecycle
from services.settings import DatabaseSettings, ProcessSettings, RedisSettings
from tests.jobs.conftest import Owner
from tests.jobs.dashboard.rows import add_job
from tests.jobs.staff.conftest import Browser, Door


@pytest.fixture
async def jobs(staffed_environment: str) -> AsyncIterator[Jobs]:
    made = jobs_of(
        DatabaseSettings.read(), RedisSettings.read(), ProcessSettings.read(), pool_max=4, name="test-live"
    )
    async with made.open() as jobs:
        yield jobs


async def _event(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    """The next one that says anything."""
    async for line in stream:
        if line.startswith(b"data: "):
            event: dict[str, Any] = msgspec.json.decode(line.removeprefix(b"data: "))
            return event
    raise AssertionError("the stream ended")


async def test_the_first_event_has_every_figure_and_the_next_what_changed(owner: Owner, jobs: Jobs) -> None:
    stream = live._events(jobs, "")
    first = await _event(stream)
    assert first["figures"]["count.durable.dead"] == "0"
    await add_job(owner, "checkout.sweep", "dead")
    changed = (await _event(stream))["figures"]
    changed.pop("queue.fast.default.oldest", None)  # other tests have left jobs in Redis, which grow older
    assert changed == {"count.durable.dead": "1", "badge.dead": "1"}
    await stream.aclose()
    assert jobs.pulse.listeners == 0


async def test_a_watched_job_tells_when_its_state_is_another(owner: Owner, jobs: Jobs) -> None:
    job_id = await add_job(owner, "checkout.sweep", "dead")
    stream = live._events(jobs, f"durable:{job_id}")
    assert "say" not in await _event(stream)
    await owner.execute("UPDATE jobs.jobs SET state = 'discarded' WHERE id = $1::uuid", job_id)
    event = await _event(stream)
    while "say" not in event:
        event = await _event(stream)
    assert event["say"] == "It is discarded now."
    assert "watched" in event["regions"]
    await stream.aclose()


async def test_what_happened_before_the_browser_listened_is_not_missed(owner: Owner, jobs: Jobs) -> None:
    job_id = await add_job(owner, "checkout.sweep", "dead")
    known = live.digest_of(await jobs.backend("durable").job(job_id))
    await owner.execute("UPDATE jobs.jobs SET state = 'discarded' WHERE id = $1::uuid", job_id)
    stream = live._events(jobs, f"durable:{job_id}", known)
    assert (await _event(stream))["regions"] == ["watched"]
    await stream.aclose()


async def test_a_stream_ends_when_the_process_drains(jobs: Jobs) -> None:
    lifecycle = Lifecycle(started=True)
    drained = Jobs(jobs.database, jobs.redis, jobs.backends, jobs.public_url, Pulse(lifecycle))
    stream = live._events(drained, "")
    await _event(stream)
    lifecycle.draining = True
    async with asyncio.timeout(20):
        rest = [line async for line in stream]
    assert all(line == b":\n\n" for line in rest)


async def test_all_listeners_share_one_look(jobs: Jobs) -> None:
    streams = [live._events(jobs, "") for _ in range(5)]
    for stream in streams:
        await _event(stream)
    seen = jobs.pulse.last
    assert (await jobs.pulse.standing(jobs)) is seen
    assert jobs.pulse.listeners == 5
    for stream in streams:
        await stream.aclose()


async def test_of_all_who_wait_for_a_database_that_is_away_none_asks_again(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, begun, away = 0, asyncio.Event(), asyncio.Event()

    async def look(_jobs: Jobs) -> Standing:
        nonlocal looks
        looks += 1
        begun.set()
        await away.wait()
        raise DatabaseUnavailable()

    monkeypatch.setattr(jobs.pulse, "_look", look)
    monkeypatch.setattr("services.jobs.dashboard.pulse._REST_AFTER_FAILURE_SECONDS", 60.0)
    waiting = [asyncio.create_task(jobs.pulse.standing(jobs)) for _ in range(20)]
    await begun.wait()
    await asyncio.sleep(0)
    away.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, DatabaseUnavailable) for one in found)
    assert looks == 1


async def test_what_was_done_during_a_look_is_seen_by_the_next(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, really = jobs.pulse, jobs.pulse._look

    async def look_before(jobs: Jobs) -> Standing:
        seen = await really(jobs)
        pulse.forget()  # an operator has paused a queue, after it was looked at
        return seen

    monkeypatch.setattr(pulse, "_look", look_before)
    before = await pulse.standing(jobs)
    monkeypatch.setattr(pulse, "_look", really)
    assert await pulse.standing(jobs) is not before


async def test_a_stream_ends_with_its_session(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_SESSION_SECONDS", 0.0)
    answers = [True, False]

    async def is_let_in() -> bool:
        return answers.pop(0)

    async with asyncio.timeout(20):
        told = [line async for line in live._events(jobs, "", "", is_let_in)]
    assert len(told) == 3  # the first word, and one look for each answer
    assert jobs.pulse.listeners == 0


async def test_the_stream_is_closed_to_strangers(door: Door) -> None:
    stranger: Browser = await door.browser()
    assert (await stranger.get("/jobs/live")).status_code == 303
