"""The fast backend, where the contract leaves it its own ways."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from databases import Database
from dramatiq.brokers.redis import RedisBroker
from redis.asyncio import Redis

from ops.local.valkey import TemporaryValkey
from services.database import open_database, role_url
from services.errors import Invalid, NotFound
from services.jobs.backend import BackendAway, JobFilter, NewJob, NotInState, NotOffered
from services.jobs.fast_backend import FastBackend
from services.jobs.fast_messages import now_ms
from services.redis_client import connect
from services.settings import DatabaseSettings, RedisSettings
from tests.conftest import patient_redis
from tests.jobs.conditions import eventually
from tests.jobs.fast_worker import fast_worker


@pytest.fixture
async def redis(own_valkey: TemporaryValkey) -> AsyncIterator[Redis]:
    client = connect(own_valkey.queue_url, patient_redis(own_valkey.queue_url))
    yield client
    await client.aclose()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
def backend(redis: Redis, database: Database) -> FastBackend:
    return FastBackend(redis, database)


async def all_pages(backend: FastBackend, wanted: JobFilter, limit: int) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = await backend.jobs(wanted, cursor, limit)
        ids += [card.id for card in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def make_dead(backend: FastBackend, url: str, jobs: list[NewJob]) -> list[str]:
    def hopeless(*words: object) -> None:
        raise ValueError(f"never {words}")

    ids = await backend.enqueue_many(jobs)
    with fast_worker(url, {"hopeless": (hopeless, {"max_retries": 0})}):
        await eventually(lambda: _has_dead(backend, len(ids)))
    return ids


async def _has_dead(backend: FastBackend, jobs: int) -> bool:
    return (await backend.counts())["dead"] == jobs


async def test_stock_dramatiq_reads_what_the_backend_stores(
    backend: FastBackend, own_valkey: TemporaryValkey
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    now, later = await backend.enqueue_many(
        [
            NewJob(actor="tests.now", args=[{"cup": 2}, "é"]),
            NewJob(actor="tests.later", run_at=tomorrow),
        ]
    )
    stock = RedisBroker(url=own_valkey.queue_url, middleware=[])
    stock.declare_queue("default")
    ready, delayed = next(stock.consume("default")), next(stock.consume("default.DQ"))
    stock.client.close()
    assert ready is not None
    assert (ready.message_id, ready.actor_name, ready.args) == (now, "tests.now", ({"cup": 2}, "é"))
    assert delayed is not None
    assert (delayed.message_id, delayed.queue_name) == (later, "default.DQ")
    assert delayed.options["eta"] == round(tomorrow.timestamp() * 1000)


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_of_ready_and_of_scheduled_jobs_show_each_once_the_next_first(
    backend: FastBackend, limit: int
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    ready = await backend.enqueue_many([NewJob(actor="tests.a", args=[n]) for n in range(30)])
    scheduled = await backend.enqueue_many(
        [NewJob(actor="tests.a", args=[n], run_at=soon + timedelta(seconds=n // 10)) for n in range(30)]
    )
    assert await all_pages(backend, JobFilter(state="ready"), limit) == ready
    found = await all_pages(backend, JobFilter(state="scheduled"), limit)
    assert sorted(found) == sorted(scheduled)
    assert [sorted(found[n : n + 10]) for n in (0, 10, 20)] == [
        sorted(scheduled[n : n + 10]) for n in (0, 10, 20)
    ]
    assert sorted(await all_pages(backend, JobFilter(), limit)) == sorted(ready + scheduled)


async def test_a_page_goes_on_where_the_last_ended_though_workers_took_from_the_head(
    backend: FastBackend, redis: Redis
) -> None:
    ids = await backend.enqueue_many([NewJob(actor="tests.a") for _ in range(40)])
    first = await backend.jobs(JobFilter(state="ready"), limit=10)
    for job_id in ids[:20]:  # further than the first page came
        assert await redis.lpop("dramatiq:default") == job_id.encode()
    second = await backend.jobs(JobFilter(state="ready"), first.next_cursor, limit=10)
    assert [card.id for card in second.items] == ids[20:30]
    await backend.enqueue(NewJob(actor="tests.a"))
    third = await backend.jobs(JobFilter(state="ready"), second.next_cursor, limit=10)
    assert [card.id for card in third.items] == ids[30:40]


async def test_a_search_that_finds_little_gives_up_and_says_how_far_it_came(backend: FastBackend) -> None:
    await backend.enqueue_many([NewJob(actor="tests.hay") for _ in range(2500)])
    needle = await backend.enqueue(NewJob(actor="tests.needle", args=["A Needle"]))
    wanted = JobFilter(state="ready", text="a needle")
    page = await backend.jobs(wanted)
    assert page.items == []
    assert page.searched_until is not None
    page = await backend.jobs(wanted, page.next_cursor)
    assert [card.id for card in page.items] == [needle]
    assert page.next_cursor is None
    assert await backend.count(wanted) == 1


async def test_a_dead_job_shows_its_last_failure_and_is_retried_as_new(
    backend: FastBackend, redis: Redis, own_valkey: TemporaryValkey
) -> None:
    (job,) = await make_dead(
        backend, own_valkey.queue_url, [NewJob(actor="tests.hopeless", args=[[], {}, 2**60, "é"])]
    )
    detail = await backend.job(job)
    assert detail.card.state == "dead"
    assert detail.card.error is not None
    assert detail.card.error.startswith("ValueError: never")
    (attempt,) = detail.attempts
    assert "in hopeless" in (attempt.traceback or "")
    assert attempt.worker is not None
    assert attempt.worker.endswith(f":{os.getpid()}")
    assert (attempt.release, attempt.outcome) == ("test", "failed")
    assert detail.group
    assert await all_pages(backend, JobFilter(group=detail.group), 10) == [job]
    await backend.retry(job)
    again = await backend.job(job)
    assert (again.card.state, again.failures, again.attempts) == ("ready", 0, [])
    assert again.args == [[], {}, 2**60, "é"]
    assert await redis.zcard("dramatiq:default.XQ") == await redis.hlen("dramatiq:default.XQ.msgs") == 0
    stored = json.loads(await redis.hget("dramatiq:default.msgs", job) or b"{}")
    assert not {"retries", "traceback", "requeue_timestamp", "failure"} & stored["options"].keys()
    with pytest.raises(NotInState):
        await backend.retry(job)


async def test_a_job_that_waits_for_its_retry_shows_its_last_failure(
    backend: FastBackend, own_valkey: TemporaryValkey
) -> None:
    def flaky() -> None:
        raise OSError("noise")

    job = await backend.enqueue(NewJob(actor="tests.flaky"))
    with fast_worker(own_valkey.queue_url, {"flaky": (flaky, {"min_backoff": 3_600_000})}):
        await eventually(lambda: _is(backend, job, "scheduled"))
        detail = await backend.job(job)  # the same id, in a worker's memory or not
    assert (detail.failures, detail.card.error) == (1, "OSError: noise")
    assert "in flaky" in (detail.attempts[0].traceback or "")
    assert (await all_pages(backend, JobFilter(error="NOISE"), 10)) == [job]


async def _is(backend: FastBackend, job: str, state: str) -> bool:
    return (await backend.job(job)).card.state == state


async def test_what_runs_is_not_discarded(backend: FastBackend, own_valkey: TemporaryValkey) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        may_end.wait(60)

    with fast_worker(own_valkey.queue_url, {"slow": slow}):
        job = await backend.enqueue(NewJob(actor="tests.slow"))
        await asyncio.to_thread(begun.wait, 60)
        assert (await backend.job(job)).card.state == "running"
        assert [card.id for card in (await backend.jobs(JobFilter(state="running"))).items] == [job]
        assert (await backend.counts())["running"] == 1
        with pytest.raises(NotInState):
            await backend.discard(job)
        may_end.set()
        await eventually(lambda: _is_gone(backend, job))


async def _is_gone(backend: FastBackend, job: str) -> bool:
    try:
        await backend.job(job)
    except NotFound:
        return True
    return False


async def test_a_delayed_job_discarded_from_under_a_worker_does_not_run(
    backend: FastBackend, redis: Redis, own_valkey: TemporaryValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    with fast_worker(own_valkey.queue_url, {"say": heard.append}):
        due = datetime.now(UTC) + timedelta(hours=1)
        first = await backend.enqueue(NewJob(actor="tests.say", args=["discarded"], run_at=due))
        await backend.enqueue(NewJob(actor="tests.say", args=["kept"], run_at=due))
        await eventually(lambda: _fetched(redis))
        assert (await backend.job(first)).card.state == "scheduled"
        await backend.discard(first)
        monkeypatch.setattr("dramatiq.worker.current_millis", lambda: now_ms() + 3_700_000)
        await eventually(lambda: heard)
        with pytest.raises(NotFound):
            await backend.job(first)
    assert heard == ["kept"]
    assert (await backend.counts()) == {"scheduled": 0, "ready": 0, "running": 0, "dead": 0}


async def _fetched(redis: Redis) -> bool:
    """Whether the delayed jobs are in a worker's memory."""
    return not await redis.llen("dramatiq:default.DQ")


async def test_a_bulk_step_changes_only_what_fits_and_was_there_before(
    backend: FastBackend, own_valkey: TemporaryValkey
) -> None:
    jobs = [NewJob(actor="tests.hopeless", args=[n % 2]) for n in range(40)]
    await make_dead(backend, own_valkey.queue_url, jobs)
    wanted = JobFilter(state="dead", text="1")
    assert await backend.count(wanted) == 20
    assert (await backend.apply("retry", wanted, datetime.now(UTC) - timedelta(hours=1), None, 5)).seen == 0
    before, cursor, changed, steps = datetime.now(UTC), None, 0, 0
    while True:
        step = await backend.apply("retry", wanted, before, cursor, 6)
        cursor, changed, steps = step.cursor, changed + step.changed, steps + 1
        if cursor is None:
            break
    assert (changed, steps) == (20, 4)
    assert await backend.counts() == {"scheduled": 0, "ready": 20, "running": 0, "dead": 20}


async def test_a_bulk_discard_of_ready_jobs_leaves_the_others(backend: FastBackend) -> None:
    ids = await backend.enqueue_many([NewJob(actor=f"tests.a{n % 3}") for n in range(300)])
    cursor, changed = None, 0
    while True:
        step = await backend.apply("discard", JobFilter(actor="tests.a1"), datetime.now(UTC), cursor, 7)
        cursor, changed = step.cursor, changed + step.changed
        if cursor is None:
            break
    assert changed == 100
    assert await all_pages(backend, JobFilter(), 100) == [id_ for n, id_ in enumerate(ids) if n % 3 != 1]


@pytest.mark.parametrize(
    "odd", [{"priority": 1}, {"unique_key": "k"}, {"concurrency_key": "k"}], ids=lambda odd: next(iter(odd))
)
async def test_what_redis_can_not_do_is_not_offered(backend: FastBackend, odd: dict[str, object]) -> None:
    with pytest.raises(NotOffered):
        await backend.enqueue(NewJob(actor="tests.a", **odd))  # type: ignore[arg-type]
    assert backend.features == frozenset()


@pytest.mark.parametrize("cursor", ["", "é", "AAAA", "WyJkb25lIiwiZGVmYXVsdCJd", "WyJkZWFkIiwibm9uZSJd"])
async def test_a_cursor_that_is_none_is_invalid(backend: FastBackend, cursor: str) -> None:
    with pytest.raises(Invalid):
        await backend.jobs(JobFilter(), cursor)


async def test_a_redis_that_is_away_is_told_with_the_time_since_when(
    own_valkey: TemporaryValkey, database: Database, backend: FastBackend
) -> None:
    job = await backend.enqueue(NewJob(actor="tests.a"))
    client = connect(own_valkey.queue_url, RedisSettings())  # of a request, which is impatient
    backend = FastBackend(client, database)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        told = set()
        for ask in (backend.counts, backend.queues, lambda: backend.job(job), lambda: backend.retry(job)):
            with pytest.raises(BackendAway) as away:
                await ask()
            told.add(away.value.facts["since"])
        assert len(told) == 1
        assert told.pop() <= datetime.now(UTC)
        await backend.pause("default")  # PostgreSQL is enough for that
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)

    async def answers() -> bool:
        try:
            return (await backend.queues())[0].paused
        except BackendAway:
            return False

    await eventually(answers)
    assert backend._answers._away_since is None
    await client.aclose()
