"""services.queue, the fast side: what it writes, and what it does without Redis."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from databases import Database
from dramatiq.brokers.redis import RedisBroker
from prometheus_client import REGISTRY

from ops.local.sockets import short_folder
from ops.local.valkey import TemporaryValkey
from services.database import open_database, role_url
from services.queue import FastJob, FastQueue, queue_url
from services.settings import DatabaseSettings, RedisSettings

NOWHERE = RedisSettings(redis_queue_url="unix:///nowhere/valkey.sock?db=1")
DROPPED, SPILLED = FastJob("tests.drop", "drop"), FastJob("tests.spill", "spill", queue="other")


def displaced(job: FastJob, fate: str) -> float:
    return REGISTRY.get_sample_value("jobs_displaced_total", {"actor": job.actor, "fate": fate}) or 0.0


@pytest.fixture
async def catalog(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "catalog"), data, pool_max=2, name="test")
    await database.connect()
    yield database
    await database.disconnect()


async def test_stock_dramatiq_reads_what_the_fast_queue_writes(valkey: TemporaryValkey) -> None:
    job = FastJob("tests.read", "drop", queue="read")  # a queue of its own: other tests use the server too
    fast = FastQueue(RedisSettings(redis_queue_url=valkey.queue_url))
    await fast.enqueue(job, {"cup": 2}, "é")
    await fast.close()
    stock = RedisBroker(url=valkey.queue_url, middleware=[])
    stock.declare_queue("read")
    consumer = stock.consume("read")
    message = next(consumer)
    assert message is not None
    assert (message.actor_name, message.args, message.kwargs) == ("tests.read", ({"cup": 2}, "é"), {})
    consumer.ack(message)
    assert stock.client.hlen("dramatiq:read.msgs") == 0
    stock.client.close()


async def test_without_redis_a_job_is_dropped_and_counted() -> None:
    before = displaced(DROPPED, "dropped")
    fast = FastQueue(NOWHERE)
    await fast.enqueue(DROPPED, 1)
    await fast.close()
    assert displaced(DROPPED, "dropped") == before + 1


async def test_a_redis_that_never_answers_holds_nobody_up() -> None:
    """redis-py's own patience is ten tries of five seconds."""
    silent: set[asyncio.StreamWriter] = set()

    async def swallow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.add(writer)

    with short_folder("kiosk-silent-", "silent.sock") as folder:
        server = await asyncio.start_unix_server(swallow, folder / "silent.sock")
        fast = FastQueue(RedisSettings(redis_queue_url=f"unix://{folder / 'silent.sock'}?db=1"))
        before = displaced(DROPPED, "dropped")
        async with asyncio.timeout(2):
            for _ in range(20):
                await fast.enqueue(DROPPED, 1)
        assert displaced(DROPPED, "dropped") == before + 20
        await fast.close()
        for writer in silent:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_a_job_declared_so_spills_into_postgresql(catalog: Database, database_url: str) -> None:
    before = displaced(SPILLED, "spilled")
    fast = FastQueue(NOWHERE, spill_to=catalog)
    await fast.enqueue(SPILLED, {"n": 1})
    await fast.close()
    assert displaced(SPILLED, "spilled") == before + 1
    owner = await asyncpg.connect(database_url)
    rows = await owner.fetch("SELECT actor, queue, args FROM jobs.jobs")
    await owner.close()
    assert [tuple(row) for row in rows] == [("tests.spill", "other", '[{"n": 1}]')]


async def test_without_both_a_job_is_dropped_and_counted() -> None:
    data = DatabaseSettings(database_url="postgresql://postgres@/kiosk?host=/nowhere")
    away = open_database(role_url(data, "catalog"), data, pool_max=1, name="test")
    await away.connect()
    before = displaced(SPILLED, "dropped")
    fast = FastQueue(NOWHERE, spill_to=away)
    await fast.enqueue(SPILLED, 1)
    await fast.close()
    await away.disconnect()
    assert displaced(SPILLED, "dropped") == before + 1


@pytest.mark.parametrize(
    ("redis_url", "expected"),
    [
        ("redis://host:6379/0", "redis://host:6379/0?db=1"),
        ("rediss://:secret@host:6379", "rediss://:secret@host:6379?db=1"),
        ("unix:///run/valkey.sock?db=0", "unix:///run/valkey.sock?db=1"),
    ],
)
def test_the_queue_has_a_database_of_its_own(redis_url: str, expected: str) -> None:
    assert queue_url(RedisSettings(redis_url=redis_url)) == expected


def test_a_queue_url_that_is_set_is_taken_as_it_is() -> None:
    assert queue_url(RedisSettings(redis_url="redis://a/0", redis_queue_url="redis://b/3")) == "redis://b/3"
