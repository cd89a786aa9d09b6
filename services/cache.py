"""The response cache: bytes in the process for a moment, over Redis for a little longer.

Memory answers without any await. Redis is shared by the replicas; a trip to it costs about what an
indexed query costs, so only a key asked for a second time is worth one (the long tail never is).
Redis may die; then memory, single flight and a cap on concurrent loads keep PostgreSQL from
drowning. An answer too old to be fresh is kept for CACHE_STALE_SECONDS and served, marked, while
the database is away, and when a fresh one takes longer than CACHE_PATIENCE_SECONDS: that one is for
those who come later. Who has been let down once waits no more, until a fresh answer has come; or until
there is none to come, because what was asked for has gone: then the old one goes, too.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
from starlette.types import Receive, Scope, Send

from services import metrics
from services.cached_response import CachedResponse, StoredResponse, stored_response
from services.errors import Overloaded, Unavailable
from services.redis_client import RedisClient
from services.request_context import current_request
from services.settings import CacheSettings
from services.shared_work import shared_work

Load = Callable[[], Awaitable[bytes]]

_KEY_LENGTH_MAX = 256  # a product's is 208 at most, and is the same to every release
_MARKED_MS = 10_000  # longer than a load takes that had begun before, by the time limits of the database
_FORGET = "for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end"
_REPLACE = """
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
"""


class StaleResponse:
    """A kept answer sent while its source is away, marked by `Age` and `X-Stale: 1`."""

    def __init__(self, cached: CachedResponse) -> None:
        self.cached = cached

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        age = str(int(self.cached.age_seconds)).encode()
        await self.cached.send(scope, send, ((b"age", age), (b"x-stale", b"1")))


class Doorkeeper:
    """Remembers roughly the last `size` to `2 * size` keys asked for, in two generations of sets. It keeps
    their hashes only (8 bytes, seeded by each process): a key is as long as its caller likes, and two that
    are taken for one cost a trip to Redis."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: set[int] = set()
        self._old: set[int] = set()

    def knows(self, key: str) -> bool:
        """Whether the key came by before; notes that it has now."""
        mark = hash(key)
        known = mark in self._young or mark in self._old
        self._young.add(mark)
        if len(self._young) >= self._size:
            self._young, self._old = set(), self._young
        return known


class ResponseCache:
    """Answers by key. `name` labels its metrics, `media_type` is what all its answers are. A long key stands
    as its hash, here and in Redis: what is kept is bounded in bytes, not in entries alone."""

    def __init__(
        self,
        name: str,
        redis: RedisClient,
        settings: CacheSettings,
        *,
        media_type: str = "application/json",
        cache_control: str = "public, max-age=1, stale-if-error=600",
    ) -> None:
        self._name, self._redis, self._settings = name, redis, settings
        self._media_type, self._cache_control = media_type, cache_control
        self._memory: OrderedDict[str, CachedResponse] = OrderedDict()
        self._loading: dict[str, asyncio.Task[CachedResponse]] = {}
        self._doorkeeper = Doorkeeper(max(1000, 4 * settings.cache_memory_entries))
        self._loads = asyncio.Semaphore(settings.cache_loads_max)
        self._writes: set[asyncio.Task[None]] = set()
        self._count = {
            result: metrics.cache_requests_total.labels(name, result)
            for result in ("memory", "redis", "stale", "miss")
        }

    def fresh(self, key: str) -> CachedResponse | None:
        """What memory holds and still may serve."""
        cached = self._memory.get(_short(key))
        if cached is None or cached.memory_until < time.monotonic():
            return None
        self._count["memory"].inc()
        return cached

    async def answer(self, key: str, ttl_seconds: float, load: Load) -> CachedResponse | StaleResponse:
        """The answer from memory, Redis or `load` (whose bytes are then kept for `ttl_seconds`).
        Callers of one key wait for one load. Raises what `load` raises, unless it is Unavailable (or
        slow) and an older answer is at hand."""
        key = _short(key)
        if (cached := self.fresh(key)) is not None:
            return cached
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = shared_work(self._fill(key, ttl_seconds, load))
            task.add_done_callback(lambda done: self._loaded(key, done))
        kept = self._memory.get(key)
        if kept is None or kept.age_seconds > self._settings.cache_stale_seconds:
            return await asyncio.shield(task)
        await asyncio.wait({task}, timeout=0 if kept.let_down else self._settings.cache_patience_seconds)
        if task.done():
            with suppress(Unavailable):
                return task.result()
        kept.let_down = True
        self._count["stale"].inc()
        return StaleResponse(kept)

    async def forget(self, *keys: str) -> None:
        """Drops answers here and in Redis; other replicas' memory follows in CACHE_MEMORY_SECONDS. What is
        loading may have been read before, so it is not kept: for Redis, a mark says so. One round trip."""
        shortened = [_short(key) for key in keys]
        for key in shortened:
            self._memory.pop(key, None)
            self._loading.pop(key, None)
        mark = b"forgotten " + secrets.token_bytes(8)
        # What a request may wait for Redis is for reading: an import forgets after each batch, to its end.
        token = current_request.set(None)
        try:
            await self._redis.run(_FORGET, [self._redis_key(key) for key in shortened], [mark, _MARKED_MS])
        finally:
            current_request.reset(token)

    def _loaded(self, key: str, done: asyncio.Task[CachedResponse]) -> None:
        forgotten = self._loading.get(key) is not done
        if not forgotten:
            del self._loading[key]
        if done.cancelled():
            return
        error = done.exception()  # seen, also when every caller has gone: no warning at collection
        if forgotten:
            return
        if error is None:
            self._keep(key, done.result())
        elif not isinstance(error, Unavailable):
            self._memory.pop(key, None)  # it is no more, or a fault of ours: nothing of before may hide that

    async def _fill(self, key: str, ttl_seconds: float, load: Load) -> CachedResponse:
        shared = ttl_seconds > 0 and self._doorkeeper.knows(key)
        seen = await self._redis.get(self._redis_key(key)) if shared else None
        stored = _decoded(seen)
        if stored is not None and time.time() - stored.stored_at < ttl_seconds:
            self._count["redis"].inc()
            return self._cached(stored)
        self._count["miss"].inc()
        if self._loads.locked() and len(self._loading) > 4 * self._settings.cache_loads_max:
            raise Overloaded()
        async with self._loads:
            stored = stored_response(await load(), self._media_type)
        if shared:
            write = asyncio.create_task(self._write(key, stored, ttl_seconds, seen or b""))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)
        return self._cached(stored)

    async def _write(self, key: str, stored: StoredResponse, ttl_seconds: float, seen: bytes) -> None:
        """Over what was `seen` in Redis before the load, and over nothing else: a mark that has come since
        says that the load may have read what is no more."""
        values = (seen, msgspec.msgpack.encode(stored), max(1, int(ttl_seconds * 1000)))
        await self._redis.run(_REPLACE, [self._redis_key(key)], values)

    def _cached(self, stored: StoredResponse) -> CachedResponse:
        cached = CachedResponse(stored, self._cache_control)
        cached.memory_until = time.monotonic() + self._settings.cache_memory_seconds
        return cached

    def _keep(self, key: str, cached: CachedResponse) -> None:
        if self._settings.cache_memory_entries:
            self._memory[key] = cached
            self._memory.move_to_end(key)
            while len(self._memory) > self._settings.cache_memory_entries:
                self._memory.popitem(last=False)

    def _redis_key(self, key: str) -> str:
        return f"cache:{self._name}:{key}"


def _short(key: str) -> str:
    """The key, or what stands for it where it is long: none begins so by itself."""
    if len(key) <= _KEY_LENGTH_MAX:
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _decoded(raw: bytes | None) -> StoredResponse | None:
    """None for what is absent or forgotten, or was written by a release with another shape."""
    if raw is None:
        return None
    try:
        return msgspec.msgpack.decode(raw, type=StoredResponse)
    except msgspec.DecodeError:
        return None
