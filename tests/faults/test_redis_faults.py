"""The faults of Redis itself are what they say, and leave a server that is whole."""

from __future__ import annotations

import re

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ops.local.valkey import TemporaryValkey
from services.redis_client import RedisClient
from services.settings import RedisSettings
from tests.faults.redis_faults import REDIS_FAULTS
from tests.store import wait_until, wait_until_async

# What a write is answered, and a read.
SAID = {
    "loading": ("loading", "loading"),
    "out of memory": ("maxmemory", "none"),
    # It says so and hangs up; who is still writing then only sees the end.
    "too many clients": (
        "max number of clients|socket|connection",
        "max number of clients|socket|connection",
    ),
    "read-only": ("read only", "none"),
    "primary down": ("read only", "link with master is down"),
    "other password": ("authenticate", "authenticate"),
}


def _word(server: TemporaryValkey, *command: str) -> str:
    """What a client without retries is told."""
    with redis.Redis(
        unix_socket_path=str(server.store.socket), socket_timeout=20, retry=Retry(NoBackoff(), 0)
    ) as client:
        try:
            return str(client.execute_command(*command)).lower()
        except redis.RedisError as error:
            return str(error).lower()


@pytest.mark.parametrize("name", SAID)
def test_a_fault_is_what_it_says_and_ends(own_valkey: TemporaryValkey, name: str) -> None:
    to_a_write, to_a_read = SAID[name]
    with REDIS_FAULTS[name](own_valkey):
        assert re.search(to_a_write, _word(own_valkey, "SET", "k", "v", "EX", "60"))
        assert re.search(to_a_read, _word(own_valkey, "GET", "k"))
    assert _word(own_valkey, "SET", "k", "v", "EX", "60") == "true"
    assert _word(own_valkey, "GET", "k") == "b'v'"


def test_flushed_means_that_nothing_stays(own_valkey: TemporaryValkey) -> None:
    with REDIS_FAULTS["flushed"](own_valkey):
        assert _word(own_valkey, "SET", "k", "v") == "true"
        wait_until(lambda: _word(own_valkey, "GET", "k") == "none", "what was stored is gone")
    assert _word(own_valkey, "SET", "k", "v") == "true"
    assert _word(own_valkey, "GET", "k") == "b'v'"


@pytest.mark.parametrize("name", list(SAID))
async def test_the_client_of_requests_does_without_and_comes_back(
    own_valkey: TemporaryValkey, name: str
) -> None:
    """Error replies are no lost connections, and are swallowed and counted all the same."""
    settings = {"REDIS_BREAKER_OPEN_SECONDS": "0.1", "REDIS_BREAKER_OPEN_MAX_SECONDS": "0.2"}
    client = RedisClient(RedisSettings.read({"REDIS_URL": own_valkey.url, **settings}), "test")
    with REDIS_FAULTS[name](own_valkey):
        for _ in range(6):
            await client.set("k", b"v", 60)
        assert client.breaker.is_open
        await client.get("k")

    async def works() -> bool:
        await client.set("k", b"v", 60)
        return await client.get("k") == b"v" and not client.breaker.is_open

    await wait_until_async(works, "it is used again")
    await client.close()
