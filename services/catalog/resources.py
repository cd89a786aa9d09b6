"""What catalog's endpoints work with, opened at start and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from databases import Database

from services.cache import ResponseCache
from services.catalog.shapes import SLUG_LENGTH_MAX
from services.catalog.views import ViewCounter
from services.database import open_database, role_url
from services.errors import NotFound
from services.lifecycle import Lifecycle
from services.limits.limiter import Limiter, open_limiter
from services.operations import Call
from services.queue import FastQueue
from services.redis_client import RedisClient
from services.service import await_schema, background
from services.settings import (
    CacheSettings,
    DatabaseSettings,
    ProcessSettings,
    RedisSettings,
    StoreSettings,
    WorkerSettings,
)


@dataclass(frozen=True, slots=True)
class Catalog:
    database: Database
    cache: ResponseCache
    views: ViewCounter
    store: StoreSettings
    caching: CacheSettings
    acquire_timeout_seconds: float
    limiter: Limiter


CATEGORIES_KEY = "categories"  # where the cache keeps the tree


def product_key(slug: str) -> str:
    """Where the cache keeps a product's answer; whoever changes the product forgets it."""
    return f"product:{slug}"


def slug_of(call: Call[Catalog, Any, Any]) -> str:
    """The path's slug. One that is longer than any is neither looked up nor remembered: NotFound."""
    slug = call.path("slug")
    if len(slug) > SLUG_LENGTH_MAX:
        raise NotFound()
    return slug


@asynccontextmanager
async def open_catalog(_settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Catalog]:
    data, redis, caching = DatabaseSettings.read(), RedisSettings.read(), CacheSettings.read()
    database = open_database(role_url(data, "catalog"), data, pool_max=data.database_pool_max, name="catalog")
    client = RedisClient(redis, "cache")
    views = ViewCounter(FastQueue(redis), WorkerSettings.read().view_flush_seconds)
    await database.connect()
    try:
        async with open_limiter(shared=True) as limiter:
            catalog = Catalog(
                database,
                ResponseCache("catalog", client, caching),
                views,
                StoreSettings.read(),
                caching,
                data.database_acquire_timeout_seconds,
                limiter,
            )
            async with background(lambda: await_schema(database, "catalog", lifecycle), views.run):
                yield catalog
    finally:
        await client.close()
        await database.disconnect()
