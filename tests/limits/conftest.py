"""Limiters over a Valkey, and services whose limits are on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from ops.local.valkey import TemporaryValkey
from services.limits.asked import Asked
from services.limits.limiter import Limiter
from services.redis_client import RedisClient
from services.request_context import current_request
from services.settings import LimitSettings, RedisSettings
from tests.conftest import PATIENT_WITH_REDIS

# With these only the budget of a request ends a wait for Redis.
ENDLESS = {"REDIS_CONNECT_TIMEOUT_SECONDS": "600", "REDIS_TIMEOUT_SECONDS": "600"}
MakeLimiter = Callable[..., Limiter]


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Whoever asks outside a request has no budget for Redis to use up."""
    token = current_request.set(None)
    yield
    current_request.reset(token)


@pytest.fixture
async def limiter(own_valkey: TemporaryValkey) -> AsyncIterator[MakeLimiter]:
    """`limiter(RATE_LIMIT_ORDERS_PER_MINUTE=5)`: over the test's own Valkey, which answers when it can; with
    `redis_url=` over another server, whose silence only the budget of a request ends."""
    clients: list[RedisClient] = []

    def make(redis_url: str | None = None, **settings: object) -> Limiter:
        redis = RedisSettings.read({"REDIS_URL": own_valkey.url, **PATIENT_WITH_REDIS})
        if redis_url is not None:
            redis = RedisSettings.read({"REDIS_URL": redis_url, **ENDLESS})
        clients.append(RedisClient(redis, "limits"))
        return Limiter(msgspec.convert(settings, LimitSettings), clients[-1])

    yield make
    for client in clients:
        await client.close()


def order(cart: str = "c1", address: str | None = "192.0.2.1", **facts: Any) -> Asked:
    return Asked("POST", f"/api/checkout/carts/{cart}/order", address, **facts)


def read(path: str = "/api/catalog/products", address: str | None = "192.0.2.1", **facts: Any) -> Asked:
    return Asked("GET", path, address, **facts)


@pytest.fixture
def own_valkey_url(own_valkey: TemporaryValkey) -> str:
    """Counters that no other test shares."""
    return own_valkey.url
