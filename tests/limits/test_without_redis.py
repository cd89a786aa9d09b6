"""Redis refused, silent, or gone in the middle: each replica counts for itself, up to its share."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY

from ops.local.valkey import TemporaryValkey
from services.errors import ShopError
from services.limits.counting import Check
from services.limits.limiter import Limiter
from services.limits.memory import MemoryCounters
from services.request_context import RequestContext, current_request
from tests.limits.conftest import MakeLimiter, order, read

pytestmark = pytest.mark.anyio

REFUSED = "redis://127.0.0.1:9/0"


@contextmanager
def _black_hole() -> Iterator[str]:
    """Accepts nobody: its queue of one is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


def _waits() -> float:
    """How often Redis did not answer in time."""
    labels = {"client": "limits", "error": "TimeoutError"}
    return REGISTRY.get_sample_value("redis_errors_total", labels) or 0.0


async def passed(limiter: Limiter, tries: int) -> int:
    async def one(number: int) -> bool:
        try:
            await limiter.admit(order(f"cart-{number}"))
        except ShopError:
            return False
        return True

    return sum(await asyncio.gather(*(one(n) for n in range(tries))))


async def test_refused_each_replica_allows_its_share(limiter: MakeLimiter) -> None:
    replicas = [limiter(REFUSED, RATE_LIMIT_ORDERS_PER_MINUTE=40, RATE_LIMIT_REPLICAS=4) for _ in range(4)]
    assert [await passed(replica, 60) for replica in replicas] == [10] * 4


async def test_a_black_hole_lets_no_more_through_and_costs_no_more_than_the_budget(
    limiter: MakeLimiter,
) -> None:
    with _black_hole() as url:
        alone = limiter(url, RATE_LIMIT_ORDERS_PER_MINUTE=40, RATE_LIMIT_REPLICAS=2)
        context = RequestContext("request-1")
        token = current_request.set(context)
        for n in range(30):
            waits, context.redis_seconds_spent = _waits(), 0.0
            try:
                await alone.admit(order(f"cart-{n}"))
            except ShopError:
                assert n >= 20
            else:
                assert n < 20
            assert context.redis_seconds_spent < 30, "the budget, and a late wake-up"
            assert _waits() - waits <= 1, "and once it is spent nobody waits"
        assert _waits(), "it was asked"
        current_request.reset(token)


async def test_gone_in_the_middle_the_share_begins_anew_and_holds(
    limiter: MakeLimiter, own_valkey: TemporaryValkey
) -> None:
    house = limiter(RATE_LIMIT_ORDERS_PER_MINUTE=20, RATE_LIMIT_REPLICAS=2)
    assert await passed(house, 15) == 15
    own_valkey.stop()
    assert await passed(house, 60) == 10
    own_valkey.start()  # empty: at most one window more
    while house._redis is not None and house._redis.breaker.is_open:
        await passed(house, 1)
        await asyncio.sleep(0.05)
    assert await passed(house, 60) <= 20


async def test_a_ban_that_redis_told_of_holds_without_it(
    limiter: MakeLimiter, own_valkey: TemporaryValkey
) -> None:
    house = limiter()
    for _ in range(12):
        with pytest.raises(ShopError):
            await house.admit(read("/.env"))
    own_valkey.stop()
    with pytest.raises(ShopError):
        await house.admit(read("/"))


def test_memory_counts_as_redis_does() -> None:
    now = 0.0
    counters = MemoryCounters(2, lambda: now)
    minute, hour = Check("r", "a", 4, 60, once=""), Check("r", "a", 6, 3600)

    def tries(number: int) -> Counter[bool]:
        return Counter(counters.take([minute, hour]).refused_by is None for _ in range(number))

    assert tries(5) == {True: 2, False: 3}
    now = 61.0
    assert tries(5) == {True: 1, False: 4}, "the hour's share is three"
    refused = counters.take([minute, hour])
    assert refused.refused_by == hour
    assert refused.wait_seconds == pytest.approx(3600 - 61)


def test_memory_holds_a_bounded_number_of_counters() -> None:
    counters = MemoryCounters(1)
    for n in range(60_000):
        counters.take([Check("r", str(n), 1, 60)])
    assert len(counters._entries) == 50_000
