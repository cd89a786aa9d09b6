"""Redis for requests: asked quickly, believed when it answers, done without when it does not.

redis-py's own defaults (5 s, ten retries) would hang the shop, so time limits, pool and retries are
ours. Every failure counts at the breaker *inside* the swallow, and one request spends at most
REDIS_REQUEST_BUDGET_SECONDS on Redis, however many calls it makes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from services import metrics
from services.breaker import Breaker
from services.redis_connections import BusyPool, PoolBusy, use_our_connections
from services.request_context import current_request
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.redis")
T = TypeVar("T")


def connect(url: str, settings: RedisSettings) -> aioredis.Redis:
    """A redis-py client with the request path's time limits and no retries."""
    pool = BusyPool.from_url(
        url,
        max_connections=settings.redis_pool_max,
        timeout=settings.redis_pool_wait_seconds,
        socket_connect_timeout=settings.redis_connect_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )
    use_our_connections(pool)
    return aioredis.Redis.from_pool(pool)  # which then closes the pool with the client


class RedisClient:
    """The fail-open face of Redis: `get` misses, `set` and `delete` drop when it is away."""

    def __init__(self, settings: RedisSettings, name: str) -> None:
        self.name = name
        self._budget_seconds = settings.redis_request_budget_seconds
        self._redis = connect(settings.redis_url, settings)
        self._scripts: dict[str, AsyncScript] = {}
        gauge = metrics.redis_breaker_open.labels(name)
        gauge.set(0)
        self.breaker = Breaker(
            failures=settings.redis_breaker_failures,
            window_seconds=settings.redis_breaker_window_seconds,
            open_seconds=settings.redis_breaker_open_seconds,
            open_max_seconds=settings.redis_breaker_open_max_seconds,
            on_change=gauge.set,
        )

    async def get(self, key: str) -> bytes | None:
        """The value, or None: not there, or Redis is away."""
        value = await self._ask(lambda: self._redis.get(key), None)
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Stores with a time to live; keys without one would never be evicted."""
        await self._ask(lambda: self._redis.set(key, value, px=max(1, int(ttl_seconds * 1000))), None)

    async def delete(self, *keys: str) -> bool:
        """False when Redis did not hear of it: the keys then live out their time."""
        return await self._ask(lambda: self._redis.delete(*keys), None) is not None

    async def run(
        self, script: str, keys: Sequence[str], arguments: Sequence[int | bytes]
    ) -> list[int] | None:
        """What a Lua script answers, or None: Redis is away. One round trip once Redis knows the script."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._redis.register_script(script)
        return await self._ask(lambda: known(keys, arguments), None)

    async def close(self) -> None:
        try:
            await self._redis.aclose()
        except (RedisError, OSError):  # it is gone anyway
            logger.debug("redis was away at close")

    async def _ask(self, command: Callable[[], Awaitable[T]], otherwise: T | None) -> T | None:
        context = current_request.get()
        left = self._budget_seconds - (context.redis_seconds_spent if context else 0.0)
        if left <= 0 or not self.breaker.allows():
            return otherwise
        started = time.perf_counter()
        answered = busy = False
        try:
            async with asyncio.timeout(left):
                answer = await command()
            answered = True
            return answer
        except (RedisError, OSError) as error:
            busy = isinstance(error, PoolBusy)
            self._count(error)
            return otherwise
        finally:
            # In `finally`, so that a cancelled probe does not leave the breaker half open for good.
            if answered:
                self.breaker.succeeded()
            elif not busy or self.breaker.is_open:  # a probe reports in any case
                self.breaker.failed()
            if context is not None:
                context.redis_seconds_spent += time.perf_counter() - started

    def _count(self, error: Exception) -> None:
        metrics.redis_errors_total.labels(self.name, type(error).__name__).inc()
        logger.debug("redis failed", extra={"facts": {"client": self.name, "error": repr(error)}})
