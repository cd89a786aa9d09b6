"""A job that takes too long is ended."""

import asyncio
import traceback
from typing import NoReturn

import pytest

from services.jobs.time_limit import TimeLimitExceeded, within
from services.queue import enqueue
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import Owner, StartWorker
from tests.jobs.test_worker_process import PATIENT, add_product


async def test_work_past_its_limit_is_cancelled_and_tells_where_it_hung() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    with pytest.raises(TimeLimitExceeded, match=r"not done within 0\.01 s") as caught:
        await within(0.01, hang())
    assert ended == ["cleaned up"]
    assert "in hang" in "".join(traceback.format_exception(caught.value))


async def test_works_own_timeout_is_its_own() -> None:
    async def give_up() -> NoReturn:
        raise TimeoutError("the line is dead")

    with pytest.raises(TimeoutError, match="the line is dead"):
        await within(10, give_up())


async def test_a_cancellation_from_outside_stays_one() -> None:
    work = asyncio.create_task(within(10, asyncio.sleep(10)))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_a_job_past_its_limit_counts_as_a_failure_and_lets_go_of_what_it_held(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await add_product(owner, "cup", "CUP")
    start_worker("worker-durable", module="tests.jobs.odd_worker", DATABASE_URL=database_url, **PATIENT)
    job = await enqueue(owner, "tests.hang", "cup")
    attempt, *_ = await eventually(lambda: attempts_of(owner, job))
    assert attempt["outcome"] == "failed"
    assert attempt["error_class"].endswith(".TimeLimitExceeded")
    assert attempt["error_message"] == "not done within 0.5 s"
    assert "in hang" in attempt["traceback"]
    assert (await job_in_state(owner, job, "queued"))["failures"] >= 1
    await owner.execute("SET lock_timeout = '10s'")
    await owner.execute("UPDATE catalog.products SET title = 'Mug' WHERE slug = 'cup'")
