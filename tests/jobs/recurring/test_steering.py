"""Recurring tasks as they are seen and steered."""

import uuid
from datetime import timedelta

import pytest
from databases import Database

from services.database import transaction
from services.errors import NotFound
from services.jobs.recurring.clock import Clock
from services.jobs.recurring.steering import RecurringTask, pause, recurring_tasks, resume, run_now
from services.jobs.recurring.tasks import TASKS, Task
from tests.jobs.conftest import Owner
from tests.jobs.recurring.conftest import NOON, set_time

MINUTE = timedelta(minutes=1)
TICK = [Task("tests.tick", "*/5 * * * *", "tests.tick", "each", "A test's", ("word", 3))]


async def the_task(database: Database) -> RecurringTask:
    [task] = await recurring_tasks(database, TICK)
    return task


async def test_a_task_tells_in_plain_words_what_it_does_and_when(
    owner: Owner, jobs_database: Database
) -> None:
    await set_time(owner, NOON - MINUTE)
    await Clock(jobs_database, 1.0, TICK).look()
    task = await the_task(jobs_database)
    assert (task.cron, task.in_words, task.args) == (
        "*/5 * * * *",
        "Every fifth minute of every hour",
        ["word", 3],
    )
    assert (task.next_run_at, task.last_run_at, task.last_state, task.paused_at) == (NOON, None, None, None)


async def test_the_last_run_tells_its_jobs_state_until_that_is_purged(
    owner: Owner, jobs_database: Database
) -> None:
    clock = Clock(jobs_database, 1.0, TICK)
    await set_time(owner, NOON - MINUTE)
    await clock.look()
    await set_time(owner, NOON)
    await clock.look()
    task = await the_task(jobs_database)
    assert (task.last_run_at, task.last_state, task.next_run_at) == (NOON, "ready", NOON + 5 * MINUTE)
    await owner.execute("UPDATE jobs.jobs SET state = 'dead', finished_at = now()")
    assert (await the_task(jobs_database)).last_state == "dead"
    await owner.execute("DELETE FROM jobs.jobs")
    task = await the_task(jobs_database)
    assert (task.last_run_at, task.last_state) == (NOON, None)


async def test_run_now_starts_a_run_besides_those_that_are_due(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON)
    await Clock(jobs_database, 1.0, TICK).look()
    async with transaction(jobs_database) as raw:
        jobs = [await run_now(raw, "tests.tick", TICK) for _ in range(2)]
    rows = await owner.fetch("SELECT id, actor, args FROM jobs.jobs ORDER BY id")
    assert [(row["id"], row["actor"], row["args"]) for row in rows] == [
        (job, "tests.tick", '["word", 3]') for job in jobs
    ]
    task = await the_task(jobs_database)
    assert (task.last_job_id, task.next_run_at) == (str(jobs[1]), NOON + 5 * MINUTE)


async def test_run_now_rolls_back_with_its_caller(owner: Owner, jobs_database: Database) -> None:
    async def fails_afterwards() -> None:
        async with transaction(jobs_database) as raw:
            await run_now(raw, "tests.tick", TICK)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails_afterwards()
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 0


async def test_a_paused_task_is_left_alone_and_has_missed_nothing_when_it_is_resumed(
    owner: Owner, jobs_database: Database
) -> None:
    clock = Clock(jobs_database, 1.0, TICK)
    await set_time(owner, NOON - MINUTE)
    await clock.look()
    async with transaction(jobs_database) as raw:
        await pause(raw, "tests.tick", TICK)
    for minutes in (0, 5, 10):
        await set_time(owner, NOON + minutes * MINUTE)
        await clock.look()
    assert (await the_task(jobs_database)).paused_at == NOON - MINUTE
    await set_time(owner, NOON + 31 * MINUTE)  # no clock has looked since
    async with transaction(jobs_database) as raw:
        await resume(raw, "tests.tick", TICK)
    assert (await the_task(jobs_database)).next_run_at == NOON + 35 * MINUTE
    await clock.look()
    assert await owner.fetchval("SELECT count(*) FROM jobs.recurring_runs") == 0
    await set_time(owner, NOON + 35 * MINUTE)
    await clock.look()
    assert await owner.fetchval("SELECT count(*) FROM jobs.recurring_runs") == 1


async def test_a_task_can_be_paused_before_any_clock_has_seen_it(
    owner: Owner, jobs_database: Database
) -> None:
    async with transaction(jobs_database) as raw:
        await pause(raw, "tests.tick", TICK)
    assert (await the_task(jobs_database)).paused_at is not None


@pytest.mark.parametrize("verb", [pause, resume, run_now])
async def test_a_task_nobody_declared_is_not_found(jobs_database: Database, verb: object) -> None:
    async with transaction(jobs_database) as raw:
        with pytest.raises(NotFound):
            await verb(raw, f"tests.{uuid.uuid4().hex}")  # type: ignore[operator]


async def test_tasks_taken_out_of_the_code_are_not_shown_and_new_ones_are(
    owner: Owner, jobs_database: Database
) -> None:
    await Clock(jobs_database, 1.0, TICK).look()
    shown = await recurring_tasks(jobs_database)
    assert [task.name for task in shown] == [task.name for task in TASKS]
    assert all(task.last_run_at is None for task in shown)
