"""Redis goes away in the middle of 10,000 fast jobs: each follows its policy and is counted, nobody waits."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
import redis
from databases import Database
from prometheus_client import REGISTRY

from ops.local.valkey import TemporaryValkey, temporary_valkey
from services.database import open_database, role_url
from services.queue import FastJob, FastQueue, Fate
from services.settings import DatabaseSettings, RedisSettings
from tests.conftest import PATIENT, PATIENT_WITH_REDIS
from tests.jobs.conditions import eventually
from tests.jobs.fast_worker import fast_worker
from tests.store import wait_until, wait_until_async
from tests.test_database import is_served

pytestmark = pytest.mark.slow

JOBS = 10_000


@pytest.fixture
def kept_valkey() -> Iterator[TemporaryValkey]:
    """As in production it writes down what it has, so that a stop loses nothing."""
    with temporary_valkey(durable=True) as server:
        yield server


@pytest.fixture
async def catalog(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """With a connection, and all the time that a spill needs."""
    monkeypatch.setattr("services.queue._SPILL_SECONDS", 20.0)
    data = DatabaseSettings.read({"DATABASE_URL": database_url, **PATIENT})
    database = open_database(role_url(data, "catalog"), data, pool_max=2, name="test")
    await database.connect()
    await wait_until_async(lambda: is_served(database), "it is served")
    yield database
    await database.disconnect()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """dramatiq waits seconds before it asks a lost broker again; here it asks at once."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)
    monkeypatch.setattr("dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS", 0.05)


class Ledger:
    """What became of every job."""

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()
        self.fates: dict[int, Fate] = {}
        self.inline: set[int] = set()
        self.slowest_seconds = 0.0
        self._lock = threading.Lock()

    def note(self, number: int) -> None:
        with self._lock:
            self.done[number] += 1

    async def run_inline(self, number: int) -> None:
        self.inline.add(number)

    def with_fate(self, fate: Fate) -> set[int]:
        return {number for number, met in self.fates.items() if met == fate}


def displaced() -> Counter[str]:
    fates = ("spilled", "dropped", "inline", "inline_failed")
    found = {
        fate: REGISTRY.get_sample_value("jobs_displaced_total", {"actor": "tests.note", "fate": fate})
        for fate in fates
    }
    return Counter({fate: round(value or 0) for fate, value in found.items()})


async def send_all(fast: FastQueue, ledger: Ledger, strike: Callable[[int], None]) -> None:
    """The web side: one job after another, of each policy in turn."""
    kinds = (
        FastJob("tests.note", "drop"),
        FastJob("tests.note", "spill"),
        FastJob("tests.note", "inline", inline=ledger.run_inline),
    )
    for number in range(JOBS):
        strike(number)
        began = time.perf_counter()
        ledger.fates[number] = await fast.enqueue(kinds[number % 3], number)
        ledger.slowest_seconds = max(ledger.slowest_seconds, time.perf_counter() - began)


def at(**strikes: tuple[int, Callable[[], Any]]) -> Callable[[int], None]:
    planned = dict(strikes.values())

    def strike(number: int) -> None:
        if number in planned:
            planned[number]()

    return strike


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
async def test_each_fast_job_follows_its_policy_and_the_worker_goes_on_by_itself(
    fault: str,
    kept_valkey: TemporaryValkey,
    catalog: Database,
    database_url: str,
) -> None:
    ledger, before = Ledger(), displaced()
    url = kept_valkey.queue_url
    settings = RedisSettings(redis_queue_url=url, redis_breaker_open_seconds=0.2)
    fast = FastQueue(settings, spill_to=catalog)
    if fault == "stopped":
        strikes = at(away=(3_000, kept_valkey.stop), back=(6_000, kept_valkey.start))
    else:
        strikes = at(
            away=(3_000, lambda: os.kill(kept_valkey.pid, signal.SIGSTOP)),
            back=(6_000, lambda: os.kill(kept_valkey.pid, signal.SIGCONT)),
        )
    try:
        with fast_worker(url, {"note": ledger.note}, threads=4):
            async with asyncio.timeout(180):  # redis-py's own patience would take hours
                await send_all(fast, ledger, strikes)
            queued = ledger.with_fate("queued")
            await eventually(lambda: queued <= ledger.done.keys(), within_seconds=120)
    finally:
        await fast.close()
    counted = displaced() - before
    assert set(ledger.fates) == set(range(JOBS))
    assert len(queued) + sum(counted.values()) == JOBS
    assert counted == Counter(fate for fate in ledger.fates.values() if fate != "queued")
    assert {fate for number, fate in ledger.fates.items() if number % 3 == 0} == {"queued", "dropped"}
    assert {fate for number, fate in ledger.fates.items() if number % 3 == 1} == {"queued", "spilled"}
    assert ledger.with_fate("inline") == ledger.inline
    owner = await asyncpg.connect(database_url)
    spilled = await owner.fetch("SELECT (args ->> 0)::int AS number FROM jobs.jobs")
    await owner.close()
    assert sorted(row["number"] for row in spilled) == sorted(ledger.with_fate("spilled"))
    # Some were displaced and are done besides: the answer came too late, and Redis had the job nevertheless.
    # Each such question counted at the breaker, which let few of them through.
    twice = ledger.done.keys() - queued
    assert len(twice) < 100
    figures = {
        "fates": dict(Counter(ledger.fates.values())),
        "displaced and done": len(twice),
        "slowest enqueue, ms": round(ledger.slowest_seconds * 1000),
    }
    logging.getLogger("kiosk.tests").info("%s: %s", fault, figures)


def _patient(server: TemporaryValkey) -> RedisSettings:
    """For a Redis that answers, if only to refuse."""
    rested = {"REDIS_BREAKER_OPEN_SECONDS": "0.1"}
    return RedisSettings.read({"REDIS_QUEUE_URL": server.queue_url, **PATIENT_WITH_REDIS, **rested})


class Refusals:
    """A Redis that is there, and says no."""

    def __init__(self, server: TemporaryValkey) -> None:
        self._redis = redis.Redis.from_url(server.queue_url)

    def full(self) -> None:
        self._redis.config_set("maxmemory", "1")

    def readonly(self) -> None:
        self._redis.replicaof("127.0.0.1", 9)  # where nobody is

    def heal(self) -> None:
        self._redis.config_set("maxmemory", "256mb")
        self._redis.replicaof("NO", "ONE")
        self._redis.close()


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("refusal", ["full", "readonly"])
async def test_a_redis_that_refuses_neither_ends_the_worker_nor_raises_in_the_caller(
    refusal: str, own_valkey: TemporaryValkey
) -> None:
    refusals, ledger = Refusals(own_valkey), Ledger()
    job = FastJob("tests.note", "drop")
    fast = FastQueue(_patient(own_valkey))
    with fast_worker(own_valkey.queue_url, {"note": ledger.note}):
        assert await fast.enqueue(job, 1) == "queued"
        await eventually(lambda: 1 in ledger.done)
        getattr(refusals, refusal)()
        assert {await fast.enqueue(job, 2) for _ in range(50)} == {"dropped"}
        refusals.heal()
        await eventually(lambda: _is_queued(fast, job, 3))
        await eventually(lambda: 3 in ledger.done)
    await fast.close()
    assert 2 not in ledger.done


@contextmanager
def loading(server: TemporaryValkey) -> Iterator[None]:
    """The server, stopped and started again, which now takes a millisecond for each of 3,000 keys."""
    client = redis.Redis.from_url(server.url)
    client.mset({f"filler:{number}": number for number in range(3_000)})
    client.bgrewriteaof()
    wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the keys are written")
    server.stop()
    with server.log.open("ab") as log:
        command = [*server.store.command(), "--key-load-delay", "1000"]
        command += ["--loading-process-events-interval-bytes", "1024"]  # how often it answers meanwhile
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _says_loading(client), "it says that it is loading")
        yield
    finally:
        process.terminate()
        process.wait()
        client.close()


def _says_loading(client: redis.Redis) -> bool:
    try:
        client.get("filler:1")
    except redis.exceptions.BusyLoadingError:
        return True
    except redis.ConnectionError:
        return False
    raise AssertionError("it has loaded already")


@pytest.mark.usefixtures("no_pause")
async def test_a_redis_that_is_loading_is_waited_for_by_the_worker_alone(
    kept_valkey: TemporaryValkey,
) -> None:
    ledger, job = Ledger(), FastJob("tests.note", "drop")
    fast = FastQueue(_patient(kept_valkey))
    with fast_worker(kept_valkey.queue_url, {"note": ledger.note}):
        assert await fast.enqueue(job, 1) == "queued"
        await eventually(lambda: 1 in ledger.done)
        with loading(kept_valkey):
            assert await fast.enqueue(job, 2) == "dropped"
            await eventually(lambda: _is_queued(fast, job, 3))
            await eventually(lambda: 3 in ledger.done)
    await fast.close()


async def _is_queued(fast: FastQueue, job: FastJob, number: int) -> bool:
    return await fast.enqueue(job, number) == "queued"


async def test_a_redis_that_is_full_is_drained(own_valkey: TemporaryValkey) -> None:
    """dramatiq alone could neither fetch nor acknowledge, so nothing would ever be freed."""
    refusals, ledger = Refusals(own_valkey), Ledger()
    job = FastJob("tests.note", "drop")
    fast = FastQueue(_patient(own_valkey))
    assert {await fast.enqueue(job, number) for number in range(100)} == {"queued"}
    refusals.full()
    assert await fast.enqueue(job, 100) == "dropped"
    with fast_worker(own_valkey.queue_url, {"note": ledger.note}) as broker:
        await eventually(lambda: len(ledger.done) == 100)
        await eventually(lambda: not broker.client.exists("dramatiq:default.msgs"))
    await fast.close()
