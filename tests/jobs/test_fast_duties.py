"""What a fast worker does beside its jobs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from databases import Database

from ops.local.valkey import TemporaryValkey
from services.catalog.views import COUNT_VIEWS
from services.database import open_database, role_url
from services.jobs.backend import JobFilter, NewJob
from services.jobs.failures import failure_groups
from services.jobs.fast_backend import FastBackend
from services.jobs.fast_broker import FastBroker
from services.jobs.fast_duties import fast_duties, note
from services.redis_client import connect
from services.settings import DatabaseSettings, RedisSettings
from tests.conftest import patient_redis
from tests.jobs.conditions import eventually
from tests.jobs.conftest import Owner, StartWorker
from tests.jobs.fast_worker import fast_worker


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=4, name="test")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
async def backend(own_valkey: TemporaryValkey, database: Database) -> AsyncIterator[FastBackend]:
    redis = connect(own_valkey.queue_url, patient_redis(own_valkey.queue_url))
    yield FastBackend(redis, database)
    await redis.aclose()


def at_duty(broker: FastBroker, database: Database, url: str, every_seconds: float) -> Any:
    settings = RedisSettings(redis_queue_url=url, redis_timeout_seconds=5.0)
    return fast_duties(broker, database, settings, "test", every_seconds)


async def test_what_a_worker_has_fetched_and_not_begun_goes_back_when_the_queue_is_paused(
    backend: FastBackend, database: Database, own_valkey: TemporaryValkey
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    heard: list[int] = []

    def slow(number: int) -> None:
        begun.set()
        may_end.wait(60)
        heard.append(number)

    ids = await backend.enqueue_many([NewJob(actor="tests.slow", args=[n]) for n in range(6)])
    with fast_worker(own_valkey.queue_url, {"slow": slow}, threads=1) as broker:
        async with at_duty(broker, database, own_valkey.queue_url, 60.0):
            await asyncio.to_thread(begun.wait, 60)
            await eventually(lambda: len(broker.in_hand["default"]) == 2)  # one of them in memory
            await backend.pause("default")
            await eventually(lambda: broker.paused == {"default"})
            may_end.set()
            await eventually(lambda: not broker.in_hand["default"])
            assert heard == [0]
            assert [card.id for card in (await backend.jobs(JobFilter(state="ready"))).items] == ids[1:]
            await backend.resume("default")
            await eventually(lambda: heard == list(range(6)))


async def test_a_pause_outlives_redis_and_its_loss_is_made_good(
    backend: FastBackend, database: Database, own_valkey: TemporaryValkey
) -> None:
    heard: list[str] = []
    with fast_worker(own_valkey.queue_url, {"say": heard.append}) as broker:
        async with at_duty(broker, database, own_valkey.queue_url, 0.1):
            own_valkey.stop()
            await backend.pause("default")
            await eventually(lambda: broker.paused == {"default"})
            own_valkey.start()  # empty
            await eventually(lambda: broker.client.smembers("dramatiq:__paused__") == {b"default"})
            job = await eventually(lambda: _enqueued(backend))
            assert (await backend.job(job)).card.state == "ready"
            assert heard == []
            await backend.resume("default")
            await eventually(lambda: heard == ["word"], within_seconds=30)


async def _enqueued(backend: FastBackend) -> str | None:
    try:
        return await backend.enqueue(NewJob(actor="tests.say", args=["word"]))
    except Exception:  # not back yet
        return None


async def test_failures_enter_their_group_once_postgresql_is_there(
    backend: FastBackend, database: Database, own_valkey: TemporaryValkey
) -> None:
    def hopeless() -> None:
        raise ValueError("never")

    data = DatabaseSettings(database_url="postgresql://postgres@/kiosk?host=/nowhere")
    away = open_database(role_url(data, "jobs"), data, pool_max=1, name="test")
    await away.connect()
    (job, _) = await backend.enqueue_many([NewJob(actor="tests.hopeless")] * 2)
    with fast_worker(own_valkey.queue_url, {"hopeless": (hopeless, {"max_retries": 0})}) as broker:
        await eventually(lambda: _dead(backend, 2))
        await note(broker, away, "test")
        assert len(broker.failures) == 2
        await note(broker, database, "test")
    await away.disconnect()
    (group,) = (await failure_groups(database)).items
    assert group.fingerprint == (await backend.job(job)).group
    assert (group.backend, group.actor, group.error_class) == ("fast", "tests.hopeless", "ValueError")
    assert (group.occurrences, group.last_release) == (2, "test")


async def _dead(backend: FastBackend, jobs: int) -> bool:
    return (await backend.counts())["dead"] == jobs


async def test_a_fast_worker_process_follows_pauses_and_names_what_it_runs(
    database_url: str,
    database: Database,
    owner: Owner,
    start_worker: StartWorker,
    own_valkey: TemporaryValkey,
) -> None:
    redis = connect(own_valkey.queue_url, patient_redis(own_valkey.queue_url))
    backend = FastBackend(redis, database)
    await backend.pause("default")
    start_worker(
        "worker-fast",
        DATABASE_URL=database_url,
        REDIS_QUEUE_URL=own_valkey.queue_url,
        DATABASE_LOCK_TIMEOUT_SECONDS=60,
        DATABASE_STATEMENT_TIMEOUT_SECONDS=60,
    )
    await eventually(lambda: owner.fetchval("SELECT count(*) FROM jobs.workers"))
    await owner.execute(
        "INSERT INTO catalog.products (slug, title, title_key, brand, price_minor, published_at)"
        " VALUES ('cup', 'cup', 'cup', 'Brand', 100, now())"
    )
    job = await backend.enqueue(NewJob(actor=COUNT_VIEWS.actor, args=[{"cup": 3}]))
    assert (await backend.job(job)).card.state == "ready"
    lock = owner.transaction()
    await lock.start()
    await owner.execute("LOCK TABLE catalog.product_views IN ACCESS EXCLUSIVE MODE")
    await backend.resume("default")

    async def named() -> bool:
        detail = await backend.job(job)
        return detail.worker is not None and detail.started_at is not None

    await eventually(named)
    await lock.rollback()
    await eventually(lambda: owner.fetchval("SELECT views FROM catalog.product_views"))
    await redis.aclose()
