"""jobs.enqueue(): in the caller's transaction, by roles that may do nothing else."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.database import role_url
from services.queue import enqueue
from services.settings import DatabaseSettings
from tests.jobs.conditions import job_in_state
from tests.jobs.conftest import Owner, RunWorker

TABLES = ("jobs", "attempts", "queues", "workers", "queue_samples", "failure_groups")


async def as_role(database_url: str, service: str) -> Owner:
    return await asyncpg.connect(role_url(DatabaseSettings(database_url=database_url), service))


@pytest.fixture
async def checkout(database_url: str) -> AsyncIterator[Owner]:
    connection = await as_role(database_url, "checkout")
    yield connection
    await connection.close()


async def test_a_job_is_seen_only_when_its_transaction_commits(
    checkout: Owner, owner: Owner, database_url: str, run_worker: RunWorker
) -> None:
    run_worker(database_url, send=lambda: None)
    transaction = checkout.transaction()
    await transaction.start()
    job = await enqueue(checkout, "tests.send")
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 0
    await transaction.commit()
    await job_in_state(owner, job, "done")


async def test_a_rollback_leaves_no_job(checkout: Owner, owner: Owner) -> None:
    transaction = checkout.transaction()
    await transaction.start()
    await enqueue(checkout, "tests.send", queue="of_its_own")
    await transaction.rollback()
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 0
    assert await owner.fetchval("SELECT count(*) FROM jobs.queues WHERE name = 'of_its_own'") == 0


async def test_enqueue_works_inside_another_statement(checkout: Owner, owner: Owner) -> None:
    rows = await checkout.fetch(
        "WITH placed AS (SELECT n FROM generate_series(1, 3) n)"
        " SELECT jobs.enqueue('tests.send', jsonb_build_array(n)) FROM placed"
    )
    assert len(rows) == 3
    assert await owner.fetchval("SELECT array_agg(args ->> 0 ORDER BY id) FROM jobs.jobs") == ["1", "2", "3"]


@pytest.mark.parametrize("service", ["catalog", "checkout", "health"])
async def test_a_service_can_touch_nothing_else_of_jobs(database_url: str, service: str) -> None:
    connection = await as_role(database_url, service)
    try:
        for table in TABLES:
            for statement in (f"SELECT FROM jobs.{table}", f"DELETE FROM jobs.{table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
    finally:
        await connection.close()


async def test_health_can_not_enqueue(database_url: str) -> None:
    health = await as_role(database_url, "health")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await enqueue(health, "tests.send")
    finally:
        await health.close()


async def test_a_unique_key_finds_the_job_that_waits_under_it(checkout: Owner, owner: Owner) -> None:
    first = await enqueue(checkout, "tests.send", unique_key="order 1")
    assert await enqueue(checkout, "tests.send", unique_key="order 1") == first
    assert await enqueue(checkout, "tests.send", unique_key="order 2") != first
    await owner.execute("UPDATE jobs.jobs SET attempt = 1, failures = 1 WHERE id = $1", first)
    assert await enqueue(checkout, "tests.send", unique_key="order 1") != first, "it had begun already"


async def test_a_job_found_by_its_key_waits_for_the_transaction_that_found_it(
    checkout: Owner, owner: Owner, database_url: str, run_worker: RunWorker
) -> None:
    job = await enqueue(owner, "tests.send", unique_key="cart")
    transaction = checkout.transaction()
    await transaction.start()
    assert await enqueue(checkout, "tests.send", unique_key="cart") == job
    run_worker(database_url, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    assert (await job_in_state(owner, job, "queued"))["attempt"] == 0
    await transaction.commit()
    await job_in_state(owner, job, "done")


async def test_two_transactions_with_one_key_make_one_job(
    database_url: str, checkout: Owner, owner: Owner
) -> None:
    other = await as_role(database_url, "catalog")
    try:
        transaction = checkout.transaction()
        await transaction.start()
        first = await enqueue(checkout, "tests.send", unique_key="one")
        second = asyncio.create_task(enqueue(other, "tests.send", unique_key="one"))
        await transaction.commit()
        assert await second == first
    finally:
        await other.close()
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 1


async def test_a_rollback_leaves_none_of_many_jobs(checkout: Owner, owner: Owner) -> None:
    transaction = checkout.transaction()
    await transaction.start()
    backlog = '[{"actor": "tests.send"}, {"actor": "tests.send", "unique_key": "one", "queue": "of_its_own"}]'
    ids = await checkout.fetchval("SELECT jobs.enqueue_many($1::jsonb)", backlog)
    assert len(set(ids)) == 2
    await transaction.rollback()
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 0
    assert await owner.fetchval("SELECT count(*) FROM jobs.queues WHERE name = 'of_its_own'") == 0


async def test_a_limit_by_key_comes_with_the_job(checkout: Owner, owner: Owner) -> None:
    job = await enqueue(
        checkout, "tests.send", "é", unique_key="one", concurrency_key="shop", concurrency_max=3, priority=2
    )
    row = await job_in_state(owner, job, "queued")
    assert (row["concurrency_key"], row["concurrency_max"], row["priority"]) == ("shop", 3, 2)
    assert (row["args"], row["unique_key"]) == ('["é"]', "one")
    assert await enqueue(checkout, "tests.send", unique_key="one") == job


@pytest.mark.parametrize("at_most", [0, -1, 1001])
async def test_a_limit_that_is_none_is_refused(checkout: Owner, at_most: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await enqueue(checkout, "tests.send", concurrency_key="shop", concurrency_max=at_most)


@pytest.mark.parametrize("actor", ["send", "tests.Send", "tests.send; drop"])
async def test_an_actors_name_is_service_and_verb(checkout: Owner, actor: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await enqueue(checkout, actor)
