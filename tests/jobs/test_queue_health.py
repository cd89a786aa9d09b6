"""What `/health` and the metrics are told about the queues, by the eyes of role kiosk_health."""

import asyncpg
from databases import Database
from prometheus_client import REGISTRY

from ops.local.valkey import TemporaryValkey
from services.database import role_url
from services.errors import NotFound
from services.jobs.samples import sample
from services.queue import FastJob, enqueue
from services.redis_client import connect
from services.settings import DatabaseSettings, RedisSettings
from tests.conftest import patient_redis
from tests.jobs.conditions import job_in_state
from tests.jobs.conftest import Owner, RunWorker
from tests.jobs.fast_worker import hand_over

SEND = FastJob("tests.send", when_redis_is_away="drop", queue="default")


async def seen_by_health(database_url: str) -> dict[str, asyncpg.Record]:
    health = await asyncpg.connect(role_url(DatabaseSettings(database_url=database_url), "health"))
    try:
        return {row["backend"]: row for row in await health.fetch("SELECT * FROM jobs.queue_health")}
    finally:
        await health.close()


def metric(name: str, backend: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"backend": backend, "queue": "default"})


def backend_metric(name: str, backend: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"backend": backend})


async def test_a_queue_without_workers_shows_its_depth_and_age(database_url: str, owner: Owner) -> None:
    for _ in range(3):
        await enqueue(owner, "tests.send")
    await owner.execute("UPDATE jobs.jobs SET run_at = now() - interval '90 seconds'")
    await owner.execute("SELECT jobs.enqueue('tests.send', run_at => now() + interval '1 hour')")
    durable = (await seen_by_health(database_url))["durable"]
    assert (durable["queue"], durable["depth"], durable["running"], durable["workers"]) == (
        "default",
        3,
        0,
        0,
    )
    assert 90 <= durable["oldest_seconds"] < 120


async def test_a_living_worker_counts_and_a_silent_one_does_not(
    database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    run_worker(database_url, send=lambda: None)
    await job_in_state(owner, await enqueue(owner, "tests.send"), "done")
    assert (await seen_by_health(database_url))["durable"]["workers"] == 1
    await owner.execute(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, seen_at, leased_until)"
        " SELECT uuidv7(), kind, 'gone', 1, release, queues, threads, now() - interval '31 seconds', now()"
        " FROM jobs.workers"
    )
    assert (await seen_by_health(database_url))["durable"]["workers"] == 1


async def test_figures_of_redis_reach_health_and_metrics(
    database_url: str, jobs_database: Database, valkey: TemporaryValkey
) -> None:
    redis = connect(valkey.queue_url, patient_redis(valkey.queue_url))
    await redis.flushdb()
    await hand_over(valkey.queue_url, SEND, 1)
    await hand_over(valkey.queue_url, SEND, 2)
    await sample(jobs_database, redis)
    row = (await seen_by_health(database_url))["fast"]
    assert (row["depth"], row["running"]) == (2, 0)
    assert metric("job_queue_depth", "fast") == 2
    assert metric("job_queue_depth", "durable") == 0
    assert metric("job_queue_oldest_seconds", "fast") == row["oldest_seconds"]
    assert backend_metric("job_workers", "fast") == 0
    assert backend_metric("jobs_dead", "fast") == 0
    await redis.zadd("dramatiq:default.XQ", {"one": 1, "two": 2})
    await sample(jobs_database, redis)
    assert backend_metric("jobs_dead", "fast") == 2
    await redis.flushdb()
    await redis.aclose()


async def test_without_redis_its_figures_are_unknown_and_the_others_stay(
    database_url: str, jobs_database: Database, owner: Owner
) -> None:
    await enqueue(owner, "tests.send")
    nowhere = "unix:///nowhere/valkey.sock?db=1"
    redis = connect(nowhere, RedisSettings(redis_queue_url=nowhere))
    await sample(jobs_database, redis)
    await redis.aclose()
    rows = await seen_by_health(database_url)
    assert (rows["fast"]["depth"], rows["fast"]["oldest_seconds"]) == (None, None)
    assert metric("job_queue_depth", "fast") is None
    assert metric("job_queue_depth", "durable") == 1
    assert backend_metric("jobs_dead", "fast") is None
    assert backend_metric("jobs_dead", "durable") == 0


async def test_workers_and_dead_jobs_reach_the_metrics(
    database_url: str, jobs_database: Database, owner: Owner, run_worker: RunWorker, valkey: TemporaryValkey
) -> None:
    def fail() -> None:
        raise NotFound

    run_worker(database_url, fail=fail)
    for _ in range(2):
        await job_in_state(owner, await enqueue(owner, "tests.fail"), "dead")
    redis = connect(valkey.queue_url, patient_redis(valkey.queue_url))
    await sample(jobs_database, redis)
    await redis.aclose()
    assert backend_metric("job_workers", "durable") == 1
    assert backend_metric("jobs_dead", "durable") == 2


async def test_a_late_task_reaches_the_metrics_unless_it_is_paused(
    jobs_database: Database, owner: Owner, valkey: TemporaryValkey
) -> None:
    await owner.execute(
        "INSERT INTO jobs.recurring_tasks (name, checked_until, next_run_at, paused_at) VALUES"
        " ('tests.late', now(), now() - interval '90 seconds', NULL),"
        " ('tests.paused', now(), now() - interval '90 seconds', now()),"
        " ('tests.early', now(), now() + interval '90 seconds', NULL)"
    )
    redis = connect(valkey.queue_url, patient_redis(valkey.queue_url))
    await sample(jobs_database, redis)
    await redis.aclose()

    def overdue(task: str) -> float | None:
        return REGISTRY.get_sample_value("recurring_overdue_seconds", {"task": task})

    assert (overdue("tests.early"), overdue("tests.paused")) == (0, None)
    assert 90 <= (overdue("tests.late") or 0) < 150


async def test_an_old_sample_counts_as_unknown(database_url: str, owner: Owner) -> None:
    await owner.execute(
        "INSERT INTO jobs.queue_samples VALUES ('fast', 'default', 5, 1.0, 0, now() - interval '31 seconds')"
    )
    assert (await seen_by_health(database_url))["fast"]["depth"] is None
