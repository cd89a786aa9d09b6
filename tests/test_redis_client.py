"""The Redis client fails open: every fault is a miss, quickly, and heals by itself."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops.local.valkey import TemporaryValkey
from services.redis_client import RedisClient
from services.request_context import RequestContext, current_request
from services.settings import RedisSettings
from tests.conftest import PATIENT_WITH_REDIS
from tests.limits.conftest import ENDLESS

pytestmark = pytest.mark.anyio


def _client(url: str, **variables: str) -> RedisClient:
    return RedisClient(RedisSettings.read({"REDIS_URL": url, **variables}), "test")


@contextmanager
def _black_hole() -> Iterator[str]:
    """A port that takes connections and never answers."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(100)
        yield f"redis://127.0.0.1:{opened.getsockname()[1]}/0"


async def test_values_live_as_long_as_they_may(valkey: TemporaryValkey) -> None:
    client = _client(valkey.url, **PATIENT_WITH_REDIS)
    await client.set("k", b"v", ttl_seconds=60)
    assert await client.get("k") == b"v"
    assert await client.delete("k")
    assert await client.get("k") is None
    await client.close()


async def test_a_refused_port_is_a_miss_and_opens_the_breaker() -> None:
    client = _client("redis://127.0.0.1:1/0")
    for _ in range(6):
        assert await client.get("k") is None
    assert client.breaker.is_open
    assert not await client.delete("k")
    await client.close()


async def test_a_black_hole_costs_one_request_no_more_than_its_budget() -> None:
    with _black_hole() as url:
        client = _client(url, REDIS_REQUEST_BUDGET_SECONDS="0.12", **ENDLESS)
        context, spent_seconds = RequestContext("id"), list[float]()
        token = current_request.set(context)
        for _ in range(10):
            assert await client.get("k") is None
            spent_seconds.append(context.redis_seconds_spent)
        current_request.reset(token)
        assert 0.1 < spent_seconds[0] < 30, "the budget, and a late wake-up"
        assert spent_seconds[1] == spent_seconds[9], "and once it is spent nobody waits"
        await client.close()


async def test_a_stopped_server_is_done_without_and_found_again(own_valkey: TemporaryValkey) -> None:
    client = _client(own_valkey.url, REDIS_BREAKER_OPEN_SECONDS="0.1", REDIS_BREAKER_OPEN_MAX_SECONDS="0.2")
    await client.set("k", b"v", 60)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    for _ in range(6):
        assert await client.get("k") is None
    assert client.breaker.is_open
    os.kill(own_valkey.pid, signal.SIGCONT)
    await _until_answered(client, b"v")
    own_valkey.restart()
    await client.set("k", b"w", 60)
    await _until_answered(client, b"w")
    await client.close()


async def test_a_crowd_of_our_own_is_no_failure_of_redis(own_valkey: TemporaryValkey) -> None:
    crowded = {"REDIS_POOL_MAX": "2", "REDIS_POOL_WAIT_SECONDS": "0.01"}
    client = _client(own_valkey.url, **{**PATIENT_WITH_REDIS, **crowded})
    await client.set("k", b"v", 60)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    slow = [asyncio.create_task(client.get("k")) for _ in range(2)]
    crowd = await asyncio.gather(*(client.get("k") for _ in range(20)))
    opened = client.breaker.is_open
    os.kill(own_valkey.pid, signal.SIGCONT)
    assert await asyncio.gather(*slow) == [b"v"] * 2
    assert crowd == [None] * 20
    assert not opened
    await client.close()


async def test_an_error_reply_is_swallowed_and_counted(own_valkey: TemporaryValkey) -> None:
    """Out of memory, loading, too many clients: replies that are errors, not lost connections."""
    client = _client(own_valkey.url, **PATIENT_WITH_REDIS)
    await client._redis.config_set("maxmemory", "1")
    await client._redis.config_set("maxmemory-policy", "noeviction")
    for _ in range(6):
        await client.set("k", b"v", 60)
    assert client.breaker.is_open
    await client.close()


async def test_a_cancelled_probe_does_not_leave_the_breaker_half_open() -> None:
    with _black_hole() as url:
        client = _client(url, REDIS_BREAKER_FAILURES="1", REDIS_BREAKER_OPEN_SECONDS="0.01")
        await client.get("k")
        while not client.breaker.allows():
            await asyncio.sleep(0.005)
        client.breaker.failed()
        probe = asyncio.create_task(client.get("k"))
        await asyncio.sleep(0)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        deadline = time.monotonic() + 30
        while not client.breaker.allows():
            assert time.monotonic() < deadline, "no probe was ever let through again"
            await asyncio.sleep(0.01)
        await client.close()


async def _until_answered(client: RedisClient, expected: bytes) -> None:
    deadline = time.monotonic() + 30
    while await client.get("k") != expected:
        assert time.monotonic() < deadline
        await client.set("k", expected, 60)
        await asyncio.sleep(0.02)
