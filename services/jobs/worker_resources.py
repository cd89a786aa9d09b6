"""What actors work with: each use case's own role in PostgreSQL, and the cache it must keep honest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.cache import ResponseCache
from services.database import open_database, role_url
from services.redis_client import RedisClient
from services.settings import CacheSettings, DatabaseSettings, RedisSettings, StoreSettings


class WorkerResources:
    """Made before the actors' loop runs, opened on it."""

    def __init__(
        self, data: DatabaseSettings, redis: RedisSettings, caching: CacheSettings, store: StoreSettings
    ) -> None:
        self.store = store
        self.catalog = open_database(
            role_url(data, "catalog"), data, pool_max=data.database_worker_pool_max, name="worker"
        )
        self._redis = RedisClient(redis, "cache")
        self.catalog_cache = ResponseCache("catalog", self._redis, caching)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.catalog.connect()
        try:
            yield
        finally:
            await self._redis.close()
            await self.catalog.disconnect()
