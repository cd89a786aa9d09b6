"""Clocks that run side by side, die, and come back late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg
import pytest
from databases import Database

from ops.local.postgres import TemporaryPostgres
from services.database import open_database, role_url, transaction
from services.jobs.recurring.clock import Clock
from services.jobs.recurring.tasks import TASKS, Missed, Task
from services.settings import DatabaseSettings
from tests.jobs.conditions import eventually
from tests.jobs.conftest import Owner, RunWorker, StartWorker
from tests.jobs.recurring.conftest import NOON, set_time

MINUTE = timedelta(minutes=1)


def every_minute(missed: Missed = "each", name: str = "tests.tick") -> Task:
    return Task(name, "* * * * *", "tests.tick", missed, "A test's", ("word",))


async def runs(owner: Owner, task: str = "tests.tick") -> list[datetime]:
    rows = await owner.fetch("SELECT run_at FROM jobs.recurring_runs WHERE task = $1 ORDER BY run_at", task)
    return [row["run_at"] for row in rows]


async def seen_to(owner: Owner, moment: datetime, task: str = "tests.tick") -> None:
    query = "SELECT name FROM jobs.recurring_tasks WHERE name = $1 AND checked_until >= $2"
    await eventually(lambda: owner.fetchval(query, task, moment))


@asynccontextmanager
async def running(*clocks: Clock) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(clock.run()) for clock in clocks]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_two_workers_start_one_run_per_due_time(
    database_url: str, owner: Owner, run_worker: RunWorker, jobs_database: Database
) -> None:
    heard: list[str] = []
    await set_time(owner, NOON - MINUTE / 2)
    for _ in range(2):
        run_worker(database_url, tick=heard.append)
    async with running(*(Clock(jobs_database, 0.01, [every_minute()]) for _ in range(2))):
        await seen_to(owner, NOON - MINUTE / 2)
        due = [NOON + count * MINUTE for count in range(10)]
        for moment in due:
            await set_time(owner, moment)
            await seen_to(owner, moment)
        await eventually(lambda: len(heard) >= len(due))
    assert await runs(owner) == due
    done = "SELECT count(*) FROM jobs.jobs WHERE actor = 'tests.tick'"
    assert await owner.fetchval(done) == len(due) == len(heard)


async def test_two_worker_processes_start_the_shops_own_tasks_once_each(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await set_time(owner, NOON - MINUTE)
    for _ in range(2):
        start_worker("worker-durable", DATABASE_URL=database_url)
    alive = "SELECT count(*) = 2 FROM jobs.workers WHERE kind = 'durable'"
    await eventually(lambda: owner.fetchval(alive), 60)
    await seen_to(owner, NOON - MINUTE, "checkout.sweep")
    await set_time(owner, NOON + timedelta(days=1, seconds=1))
    for task in TASKS:
        await seen_to(owner, NOON + timedelta(days=1), task.name)
    for task in TASKS:
        assert len(await runs(owner, task.name)) == 1, task.name
    undone = "SELECT count(*) = 0 FROM jobs.jobs WHERE state <> 'done'"
    await eventually(lambda: owner.fetchval(undone), 60)
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == len(TASKS)


async def test_looks_at_the_same_moment_start_a_run_once(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON - MINUTE)
    clocks = [
        Clock(jobs_database, 1.0, [every_minute(), every_minute("once", "tests.other")]) for _ in range(4)
    ]
    await asyncio.gather(*(clock.look() for clock in clocks))
    await set_time(owner, NOON)
    await asyncio.gather(*(clock.look() for clock in clocks))
    await asyncio.gather(*(clock.look() for clock in clocks))
    assert await runs(owner) == await runs(owner, "tests.other") == [NOON]
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 2


async def test_a_new_task_has_missed_nothing(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON)
    await Clock(jobs_database, 1.0, [every_minute("each", "tests.old")]).look()
    await set_time(owner, NOON + timedelta(hours=1, seconds=1))
    await Clock(jobs_database, 1.0, [every_minute("each", "tests.old"), every_minute()]).look()
    assert await runs(owner) == []
    assert len(await runs(owner, "tests.old")) == 60


@pytest.mark.parametrize(("missed", "started"), [("skip", 0), ("once", 1), ("each", 3)])
async def test_missed_runs_are_treated_as_declared(
    owner: Owner, jobs_database: Database, missed: Missed, started: int
) -> None:
    hourly = Task("tests.tick", "0 * * * *", "tests.tick", missed, "A test's")
    await set_time(owner, NOON)
    await Clock(jobs_database, 1.0, [hourly]).look()
    await set_time(owner, NOON + timedelta(hours=3, minutes=30))
    await Clock(jobs_database, 1.0, [hourly]).look()
    assert len(await runs(owner)) == started
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == started


async def test_a_run_joins_the_one_that_still_waits(owner: Owner, jobs_database: Database) -> None:
    clock = Clock(jobs_database, 1.0, [every_minute("once"), every_minute("each", "tests.all")])
    for count in range(4):
        await set_time(owner, NOON + count * MINUTE)
        await clock.look()
    assert len(await runs(owner)) == len(await runs(owner, "tests.all")) == 3
    waiting = "SELECT count(*) FROM jobs.jobs WHERE unique_key IS NOT NULL"
    assert await owner.fetchval(waiting) == 1
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 1 + 3


async def test_a_look_that_fails_half_way_starts_nothing(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON - MINUTE)
    unlawful = Task("tests.unlawful", "* * * * *", "no such actor's name", "once", "A test's")
    clock = Clock(jobs_database, 1.0, [every_minute(), unlawful])
    await clock.look()
    await set_time(owner, NOON)
    with pytest.raises(asyncpg.CheckViolationError):
        await clock.look()
    assert await runs(owner) == []
    await Clock(jobs_database, 1.0, [every_minute()]).look()
    assert await runs(owner) == [NOON]


async def test_a_task_in_another_clocks_hands_is_left_to_it(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON - MINUTE)
    clock = Clock(jobs_database, 1.0, [every_minute(), every_minute("each", "tests.other")])
    await clock.look()
    await set_time(owner, NOON)
    async with transaction(jobs_database) as raw:
        await raw.execute("SELECT FROM jobs.recurring_tasks WHERE name = 'tests.tick' FOR UPDATE")
        await asyncio.create_task(clock.look())
        assert await runs(owner) == []
        assert await runs(owner, "tests.other") == [NOON]
    await clock.look()
    assert await runs(owner) == [NOON]


async def test_a_task_no_longer_declared_is_forgotten(owner: Owner, jobs_database: Database) -> None:
    await set_time(owner, NOON)
    await Clock(jobs_database, 1.0, [every_minute(), every_minute("each", "tests.gone")]).look()
    names = "SELECT array_agg(name ORDER BY name) FROM jobs.recurring_tasks"
    still_there = Clock(jobs_database, 1.0, [every_minute()])
    await set_time(owner, NOON + MINUTE / 2)
    await still_there.look()
    assert await owner.fetchval(names) == ["tests.gone", "tests.tick"]
    await set_time(owner, NOON + timedelta(hours=2))
    await still_there.look()
    assert await owner.fetchval(names) == ["tests.tick"]


async def test_the_clock_goes_on_after_postgresql_was_away(own_postgres: TemporaryPostgres) -> None:
    owner = await asyncpg.connect(own_postgres.url)
    await set_time(owner, NOON - MINUTE)
    await owner.close()
    data = DatabaseSettings(database_url=own_postgres.url)
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test")
    await database.connect()
    async with running(Clock(database, 0.05, [every_minute()])):
        owner = await asyncpg.connect(own_postgres.url)
        await seen_to(owner, NOON - MINUTE)
        await owner.close()
        own_postgres.restart()
        owner = await asyncpg.connect(own_postgres.url)
        await set_time(owner, NOON)
        await eventually(lambda: runs(owner))
        assert await runs(owner) == [NOON]
        await owner.close()
    await database.disconnect()
