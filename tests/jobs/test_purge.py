"""Old jobs go, and nothing else."""

import asyncio
import signal
from datetime import timedelta

from databases import Database

from services.jobs.purge import purge_jobs, purge_statistics
from services.queue import enqueue
from tests.jobs.conditions import eventually, job_in_state
from tests.jobs.conftest import Owner, StartWorker

DAY_HOURS, MONTH_DAYS = 24, 30


async def ended(owner: Owner, state: str, age: timedelta, count: int = 1) -> None:
    """Jobs that ended so long ago, each with an attempt."""
    await owner.execute(
        """WITH j AS (
             INSERT INTO jobs.jobs (queue, actor, state, finished_at)
             SELECT 'default', 'tests.old', $1, now() - $2::interval FROM generate_series(1, $3) RETURNING id)
           INSERT INTO jobs.attempts (job_id, number, worker_id, started_at, outcome)
           SELECT id, 1, gen_random_uuid(), now(), 'done' FROM j""",
        state,
        age,
        count,
    )


async def left(owner: Owner) -> dict[str, int]:
    rows = await owner.fetch("SELECT state, count(*) FROM jobs.jobs GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


async def test_each_kind_of_end_is_kept_for_its_own_time(owner: Owner, jobs_database: Database) -> None:
    for state in ("done", "dead", "crashed", "discarded"):
        for hours in (1, 2 * DAY_HOURS, 40 * DAY_HOURS):
            await ended(owner, state, timedelta(hours=hours))
    assert await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS) == 2 + 3
    assert await left(owner) == {"done": 1, "dead": 2, "crashed": 2, "discarded": 2}
    assert await owner.fetchval("SELECT count(*) FROM jobs.attempts") == 7


async def test_jobs_that_have_not_ended_stay_however_old_they_are(
    owner: Owner, jobs_database: Database
) -> None:
    for _ in range(3):
        await enqueue(owner, "tests.old")
    await owner.execute(
        "UPDATE jobs.jobs SET run_at = now() - interval '1 year', enqueued_at = now() - interval '1 year'"
    )
    await ended(owner, "done", timedelta(days=365), 5)
    assert await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS) == 5
    assert await left(owner) == {"queued": 3}


async def test_a_table_full_of_old_jobs_is_emptied_batch_by_batch(
    owner: Owner, jobs_database: Database
) -> None:
    await ended(owner, "done", timedelta(days=8), 1050)
    await ended(owner, "done", timedelta(hours=1), 10)
    transactions = "SELECT count(DISTINCT xid) FROM deleted"
    await owner.execute(
        "CREATE TABLE deleted (xid text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " 'BEGIN INSERT INTO public.deleted VALUES (pg_current_xact_id()::text); RETURN NULL; END';"
        "CREATE TRIGGER note AFTER DELETE ON jobs.jobs FOR EACH ROW EXECUTE FUNCTION note()"
    )
    assert await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS, batch=100) == 1050
    assert await left(owner) == {"done": 10}
    assert await owner.fetchval(transactions) == 11
    assert await owner.fetchval("SELECT count(*) FROM jobs.attempts") == 10


async def test_a_job_in_somebodys_hands_is_passed_over(owner: Owner, jobs_database: Database) -> None:
    await ended(owner, "dead", timedelta(days=365), 5)
    async with owner.transaction():
        await owner.execute("SELECT FROM jobs.jobs LIMIT 1 FOR UPDATE")
        assert await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS) == 4
    assert await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS) == 1


async def test_two_purges_at_once_share_the_work(owner: Owner, jobs_database: Database) -> None:
    await ended(owner, "done", timedelta(days=365), 500)
    purged = await asyncio.gather(
        *(purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS, batch=50) for _ in range(2))
    )
    assert sum(purged) == 500
    assert await left(owner) == {}


async def test_a_purge_that_is_killed_leaves_whole_batches_and_is_done_again(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await ended(owner, "done", timedelta(days=365), 20_000)
    await ended(owner, "done", timedelta(hours=1), 3)
    worker = start_worker("worker-durable", DATABASE_URL=database_url, JOB_LEASE_SECONDS=1)
    job = await enqueue(owner, "jobs.purge")
    count = "SELECT count(*) FROM jobs.jobs WHERE actor = 'tests.old'"
    await eventually(lambda: owner.fetchval(count + " HAVING count(*) < 20003"))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    after_kill = await owner.fetchval(count)
    assert (20_003 - after_kill) % 2000 == 0
    start_worker("worker-durable", DATABASE_URL=database_url)
    await job_in_state(owner, job, "done")
    assert await owner.fetchval(count) == 3


async def test_statistics_and_runs_go_by_their_age(owner: Owner, jobs_database: Database) -> None:
    for seconds, kept, gone in (
        (60, "2 hours", "4 hours"),
        (600, "2 days", "4 days"),
        (3600, "80 days", "100 days"),
    ):
        for age in (kept, gone):
            await owner.execute(
                "INSERT INTO jobs.statistics (resolution_seconds, at, backend, queue, actor)"
                f" SELECT $1, now() - interval '{age}', 'durable', 'default', 'tests.' || n"
                " FROM generate_series(1, 25) n",
                seconds,
            )
    assert await purge_statistics(jobs_database, batch=10) == 75
    ages = await owner.fetch(
        "SELECT resolution_seconds, max(now() - at) AS age FROM jobs.statistics GROUP BY 1"
    )
    assert {row["resolution_seconds"]: row["age"].total_seconds() // 3600 for row in ages} == {
        60: 2,
        600: 48,
        3600: 1920,
    }
    await owner.execute(
        "INSERT INTO jobs.recurring_runs (task, run_at)"
        " VALUES ('tests.old', now() - interval '31 days'), ('tests.old', now())"
    )
    await purge_jobs(jobs_database, DAY_HOURS, MONTH_DAYS)
    assert await owner.fetchval("SELECT count(*) FROM jobs.recurring_runs") == 1
