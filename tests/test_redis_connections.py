"""A connection that was reset is a lost connection, on the event loop that the services run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
import uvloop
from redis.exceptions import RedisError

from ops.local.valkey import TemporaryValkey
from services.redis_client import RedisClient, connect
from services.settings import RedisSettings
from tests.conftest import PATIENT_WITH_REDIS
from tests.faults.fault_proxy import FaultProxy, fault_proxy

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.mark.parametrize("loop", LOOPS)
def test_the_client_of_requests_goes_on_when_its_line_is_reset(valkey: TemporaryValkey, loop: str) -> None:
    with fault_proxy(str(valkey.store.socket)) as proxy, asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(_ask_and_cut(proxy))


def _settings(proxy: FaultProxy) -> RedisSettings:
    url = f"redis://{proxy.host}:{proxy.port}/0"
    return RedisSettings.read({"REDIS_URL": url, **PATIENT_WITH_REDIS})


async def _ask_and_cut(proxy: FaultProxy) -> None:
    settings = msgspec.structs.replace(_settings(proxy), redis_breaker_failures=1000)
    client = RedisClient(settings, "test")
    for _ in range(20):
        await client.set("k", b"v", 60)
        await _until_cut(proxy)
        assert await client.get("k") in (b"v", None)
        assert await client.get("k") == b"v", "on a new line"
    await client.close()


async def _until_cut(proxy: FaultProxy) -> None:
    assert proxy.cut() >= 1
    await asyncio.sleep(0)  # the loop may hear of it before the next command, or with it


@pytest.mark.parametrize("loop", LOOPS)
def test_who_asks_without_the_client_is_told_by_errors_of_redis(valkey: TemporaryValkey, loop: str) -> None:
    """Background loops are ready for these, and for nothing else."""
    with fault_proxy(str(valkey.store.socket)) as proxy, asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(_errors(proxy)) <= {True}


async def _errors(proxy: FaultProxy) -> set[bool]:
    settings = _settings(proxy)
    redis = connect(settings.redis_url, settings)
    kinds: set[bool] = set()
    for _ in range(20):
        await redis.ping()
        await _until_cut(proxy)
        try:
            await redis.ping()
        except Exception as error:
            kinds.add(isinstance(error, RedisError | OSError))
    await redis.aclose()
    return kinds


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "unix:///nobody.sock"])
def test_every_way_to_redis_has_connections_of_ours(url: str) -> None:
    made: Callable[..., object] = connect(url, RedisSettings()).connection_pool.connection_class
    assert getattr(made, "__module__", "") == "services.redis_connections"
