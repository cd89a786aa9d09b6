"""The fast backend on a worker: jobs in Redis, and Redis going away."""

from __future__ import annotations

from typing import Any

import pytest

from ops.local.valkey import TemporaryValkey
from services.queue import FastJob
from tests.jobs.conditions import eventually
from tests.jobs.fast_worker import fast_queue, fast_worker, hand_over

NOTE = FastJob("tests.note", when_redis_is_away="drop")
SOON = {"min_backoff": 1, "max_backoff": 5}  # milliseconds


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """dramatiq waits seconds before it asks a lost broker again; here it asks at once."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)
    monkeypatch.setattr("dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS", 0.05)
    monkeypatch.setattr("services.jobs.fast_broker._WAIT_SECONDS", 0.05)


async def test_a_fast_job_runs(valkey: TemporaryValkey) -> None:
    heard: list[Any] = []
    with fast_worker(valkey.queue_url, {"note": lambda *words: heard.append(words)}):
        await hand_over(valkey.queue_url, NOTE, "é", {"n": 1})
        await eventually(lambda: heard == [("é", {"n": 1})])


async def test_a_failing_fast_job_is_retried(valkey: TemporaryValkey) -> None:
    tries: list[int] = []

    def flaky(number: int) -> None:
        tries.append(number)
        if len(tries) < 3:
            raise OSError("noise")

    with fast_worker(valkey.queue_url, {"note": (flaky, SOON)}):
        await hand_over(valkey.queue_url, NOTE, 1)
        await eventually(lambda: tries == [1, 1, 1])


@pytest.mark.usefixtures("no_pause")
async def test_a_fast_worker_starts_without_redis_and_survives_its_restart(
    own_valkey: TemporaryValkey,
) -> None:
    heard: list[str] = []
    own_valkey.stop()
    with fast_worker(own_valkey.queue_url, {"note": heard.append}):
        async with fast_queue(own_valkey.queue_url) as fast:
            assert await fast.enqueue(NOTE, "lost") == "dropped"
        own_valkey.start()
        await hand_over(own_valkey.queue_url, NOTE, "first")
        await eventually(lambda: heard == ["first"])
        own_valkey.kill()
        own_valkey.start()
        await hand_over(own_valkey.queue_url, NOTE, "second")
        await eventually(lambda: heard == ["first", "second"])


@pytest.mark.usefixtures("no_pause")
async def test_a_retry_waits_for_redis_instead_of_being_forgotten(own_valkey: TemporaryValkey) -> None:
    tries: list[str] = []

    def note(word: str) -> None:
        if not tries:
            own_valkey.stop()
            tries.append(word)
            raise OSError("noise")
        tries.append(word)

    with fast_worker(own_valkey.queue_url, {"note": (note, SOON)}):
        await hand_over(own_valkey.queue_url, NOTE, "word")
        await eventually(lambda: tries == ["word"])
        own_valkey.start()
        await eventually(lambda: tries == ["word", "word"])


async def test_a_fast_job_of_an_unknown_actor_is_put_back_for_later(own_valkey: TemporaryValkey) -> None:
    with fast_worker(own_valkey.queue_url, {"note": lambda: None}) as broker:
        newer = FastJob("tests.of_a_newer_release", when_redis_is_away="drop")
        await hand_over(own_valkey.queue_url, newer)
        await eventually(lambda: broker.client.hlen("dramatiq:default.DQ.msgs") == 1)
        await eventually(lambda: broker.client.hlen("dramatiq:default.msgs") == 0)
        assert broker.client.exists("dramatiq:default.XQ") == 0
