"""services.queue, the fast side: what it writes, and what it does without Redis."""

import ast
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from databases import Database
from dramatiq.brokers.redis import RedisBroker
from prometheus_client import REGISTRY

from ops.local.sockets import short_folder
from ops.local.valkey import TemporaryValkey
from services.database import open_database, role_url
from services.jobs.policies import policies
from services.queue import FastJob, FastQueue, queue_url
from services.settings import DatabaseSettings, RedisSettings
from tests.conftest import PATIENT, PATIENT_WITH_REDIS, ROOT
from tests.store import wait_until_async
from tests.test_database import is_served

NOWHERE = RedisSettings(redis_queue_url="unix:///nowhere/valkey.sock?db=1")
DROPPED, SPILLED = FastJob("tests.drop", "drop"), FastJob("tests.spill", "spill", queue="other")


def displaced(job: FastJob, fate: str) -> float:
    return REGISTRY.get_sample_value("jobs_displaced_total", {"actor": job.actor, "fate": fate}) or 0.0


@pytest.fixture
async def catalog(database_url: str) -> AsyncIterator[Database]:
    """With a connection: who spills does not wait long for one."""
    data = DatabaseSettings.read({"DATABASE_URL": database_url, **PATIENT})
    database = open_database(role_url(data, "catalog"), data, pool_max=2, name="test")
    await database.connect()
    await wait_until_async(lambda: is_served(database), "it is served")
    yield database
    await database.disconnect()


async def test_stock_dramatiq_reads_what_the_fast_queue_writes(valkey: TemporaryValkey) -> None:
    job = FastJob("tests.read", "drop", queue="read")  # a queue of its own: other tests use the server too
    fast = FastQueue(RedisSettings.read({"REDIS_QUEUE_URL": valkey.queue_url, **PATIENT_WITH_REDIS}))
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
        async with asyncio.timeout(20):
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


def inline_job(work: Callable[..., Awaitable[None]], seconds: float = 5.0) -> FastJob:
    return FastJob("tests.inline", "inline", inline=work, inline_seconds=seconds)


async def test_without_redis_a_job_declared_so_runs_at_once_in_the_caller() -> None:
    heard: list[Any] = []

    async def work(*words: Any) -> None:
        heard.append(words)

    fast = FastQueue(NOWHERE)
    before = displaced(inline_job(work), "inline")
    assert await fast.enqueue(inline_job(work), 1, "é") == "inline"
    assert heard == [(1, "é")]
    assert displaced(inline_job(work), "inline") == before + 1
    await fast.close()


async def test_what_runs_inline_is_cut_short_and_its_errors_stay_inside() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise RuntimeError("noise")

    fast = FastQueue(NOWHERE)
    before = displaced(inline_job(broken), "inline_failed")
    assert await fast.enqueue(inline_job(endless, 0.05)) == "inline_failed"
    assert await fast.enqueue(inline_job(broken)) == "inline_failed"
    assert displaced(inline_job(broken), "inline_failed") == before + 2
    await fast.close()


def test_a_job_to_be_run_inline_says_what_is_run() -> None:
    with pytest.raises(ValueError, match=r"tests\.inline"):
        FastJob("tests.inline", "inline")


async def test_arguments_that_are_no_json_are_dropped_and_do_not_raise(valkey: TemporaryValkey) -> None:
    fast = FastQueue(RedisSettings(redis_queue_url=valkey.queue_url))
    before = displaced(DROPPED, "dropped")
    assert await fast.enqueue(DROPPED, object()) == "dropped"
    assert displaced(DROPPED, "dropped") == before + 1
    await fast.close()


async def test_what_postgresql_refuses_to_take_in_is_dropped_and_does_not_raise(catalog: Database) -> None:
    odd = FastJob("no actor's name", "spill")
    fast = FastQueue(NOWHERE, spill_to=catalog)
    before = displaced(odd, "dropped")
    assert await fast.enqueue(odd) == "dropped"
    assert displaced(odd, "dropped") == before + 1
    await fast.close()


def test_every_kind_of_fast_job_is_shown_with_its_policy() -> None:
    """Whoever declares one enters it in services.jobs.policies."""
    declared = {
        node.args[0].value
        for file in (ROOT / "services").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FastJob"
        if isinstance(node.args[0], ast.Constant)
    }
    assert declared == set(policies())
    assert policies()["catalog.count_views"] == "drop"
