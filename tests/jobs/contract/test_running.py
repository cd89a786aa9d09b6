"""A job on its way: run, retried, dead."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from services.jobs.backend import JobBackend, NewJob
from tests.jobs.conditions import eventually
from tests.jobs.contract.stands import SOON, Stand, in_state


async def test_a_job_runs_with_its_arguments(backend: JobBackend, stand: Stand) -> None:
    heard: list[Any] = []
    stand.work(send=lambda *words: heard.append(words))
    job = await backend.enqueue(NewJob(actor="tests.send", args=["é", {"n": 1}, [None]]))
    await eventually(lambda: heard == [("é", {"n": 1}, [None])])
    if "done" in backend.features:
        await in_state(backend, job, "done")


async def test_a_failing_job_is_retried_until_it_succeeds(backend: JobBackend, stand: Stand) -> None:
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("the line is \x00 noisy \ud800")

    stand.work(flaky=(flaky, SOON))
    job = await backend.enqueue(NewJob(actor="tests.flaky"))
    await eventually(lambda: len(tries) == 3)
    if "attempts" in backend.features:
        await in_state(backend, job, "done")
        attempts = (await backend.job(job)).attempts
        assert [(a.number, a.outcome) for a in attempts] == [(1, "failed"), (2, "failed"), (3, "done")]
        assert [a.error_class for a in attempts] == ["OSError", "OSError", None]


async def test_the_delay_before_a_retry_grows_up_to_its_cap(backend: JobBackend, stand: Stand) -> None:
    """dramatiq's jitter makes each delay at least half of what it stands for."""
    began: list[float] = []

    def hopeless() -> None:
        began.append(time.monotonic())
        raise OSError("no")

    options = {"min_backoff": 200, "max_backoff": 400, "max_retries": 3}
    stand.work(hopeless=(hopeless, options))
    job = await backend.enqueue(NewJob(actor="tests.hopeless"))
    await in_state(backend, job, "dead")
    pauses = [later - earlier for earlier, later in pairwise(began)]
    assert len(pauses) == 3
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.2), strict=True))


async def test_a_job_that_keeps_failing_is_dead_in_the_end(backend: JobBackend, stand: Stand) -> None:
    tries: list[int] = []

    def hopeless() -> None:
        tries.append(1)
        raise ValueError("never")

    stand.work(hopeless=(hopeless, {**SOON, "max_retries": 2}))
    job = await backend.enqueue(NewJob(actor="tests.hopeless"))
    await in_state(backend, job, "dead")
    detail = await backend.job(job)
    assert len(tries) == 3
    assert detail.card.error == "ValueError: never"
    assert "in hopeless" in (detail.attempts[-1].traceback or "")
    assert detail.group
