"""The real actors' use cases: availability and views."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import redis.asyncio as aioredis
from databases import Database

from ops.local.valkey import TemporaryValkey
from services.cache import ResponseCache
from services.catalog.availability import StockLevel, refresh
from services.catalog.resources import product_key
from services.catalog.views import ViewCounter, count_views
from services.database import open_database, role_url
from services.queue import FastQueue
from services.redis_client import RedisClient
from services.settings import CacheSettings, DatabaseSettings
from tests.conftest import patient_redis
from tests.jobs.conftest import Owner
from tests.jobs.test_worker_process import add_product

LOW = 5


@dataclass(frozen=True)
class Shop:
    owner: Owner
    catalog: Database
    cache: ResponseCache

    async def hear(self, *levels: StockLevel) -> None:
        await refresh(self.catalog, self.cache, levels, LOW)

    async def availability(self, slug: str) -> int:
        value: int = await self.owner.fetchval(
            "SELECT availability FROM catalog.products WHERE slug = $1", slug
        )
        return value

    async def available(self, sku: str) -> int:
        value: int = await self.owner.fetchval("SELECT available FROM catalog.variants WHERE sku = $1", sku)
        return value


@pytest.fixture
async def shop(owner: Owner, database_url: str, valkey: TemporaryValkey) -> AsyncIterator[Shop]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "catalog"), data, pool_max=2, name="test")
    redis = RedisClient(patient_redis(valkey.url), "test")
    await database.connect()
    product = await add_product(owner, "cup", "CUP-RED")
    await owner.execute(
        "INSERT INTO catalog.variants (product_id, sku, price_minor) VALUES ($1, 'CUP-BLUE', 100)", product
    )
    yield Shop(owner, database, ResponseCache("test", redis, CacheSettings()))
    await redis.close()
    await database.disconnect()


async def test_a_product_is_as_available_as_its_variants_together(shop: Shop) -> None:
    await shop.hear(StockLevel("CUP-RED", 4, 1))
    assert await shop.availability("cup") == 1
    await shop.hear(StockLevel("CUP-BLUE", 2, 2))
    assert await shop.availability("cup") == 2
    await shop.hear(StockLevel("CUP-BLUE", -3, 3), StockLevel("CUP-RED", 0, 4))
    assert await shop.availability("cup") == 0
    assert await shop.available("CUP-BLUE") == 0


async def test_a_word_on_stock_writes_the_product_only_if_it_shows_and_is_no_change_of_its_content(
    shop: Shop,
) -> None:
    place = "SELECT ctid::text FROM catalog.products WHERE slug = 'cup'"  # each writing moves the row
    content = "SELECT updated_at FROM catalog.products WHERE slug = 'cup'"
    changed = await shop.owner.fetchval(content)
    await shop.hear(StockLevel("CUP-RED", 40, 1))
    before = await shop.owner.fetchval(place)
    await shop.hear(StockLevel("CUP-RED", 39, 2))
    assert await shop.available("CUP-RED") == 39
    assert await shop.owner.fetchval(place) == before
    await shop.hear(StockLevel("CUP-RED", 0, 3))
    assert await shop.availability("cup") == 0
    assert await shop.owner.fetchval(content) == changed


async def test_an_older_word_on_stock_changes_nothing(shop: Shop) -> None:
    await shop.hear(StockLevel("CUP-RED", 9, 7))
    await shop.hear(StockLevel("CUP-RED", 1, 6))
    assert await shop.available("CUP-RED") == 9


async def test_of_several_words_in_one_job_the_newest_counts(shop: Shop) -> None:
    await shop.hear(StockLevel("CUP-RED", 3, 2), StockLevel("CUP-RED", 8, 5), StockLevel("CUP-RED", 1, 4))
    assert await shop.available("CUP-RED") == 8


async def test_an_unknown_sku_is_ignored(shop: Shop) -> None:
    await shop.hear(StockLevel("NEVER-SEEN", 3, 2), StockLevel("CUP-RED", 1, 1))
    assert await shop.available("CUP-RED") == 1


async def test_the_cached_answer_of_a_changed_product_is_forgotten(shop: Shop) -> None:
    loads: list[int] = []

    async def load() -> bytes:
        loads.append(1)
        return b"{}"

    await shop.cache.answer(product_key("cup"), 60, load)
    await shop.hear(StockLevel("CUP-RED", 3, 1))
    await shop.cache.answer(product_key("cup"), 60, load)
    assert len(loads) == 2


async def test_views_add_up_over_the_day(shop: Shop) -> None:
    await count_views(shop.catalog, {"cup": 2, "unknown": 5})
    await count_views(shop.catalog, {"cup": 3})
    assert await shop.owner.fetchval("SELECT array_agg(views) FROM catalog.product_views") == [5]


async def test_views_leave_the_process_together_and_at_its_end(shop: Shop, valkey: TemporaryValkey) -> None:
    queue = aioredis.Redis.from_url(valkey.queue_url)
    await queue.flushdb()
    counter = ViewCounter(FastQueue(patient_redis(valkey.queue_url)), 3600.0)
    running = asyncio.create_task(counter.run())
    await asyncio.sleep(0)
    for slug in ("cup", "cup", "mug"):
        counter.count(slug)
    running.cancel()
    await asyncio.wait([running])
    [message] = (await queue.hgetall("dramatiq:default.msgs")).values()
    assert b'"args":[{"cup":2,"mug":1}]' in message
    await queue.flushdb()
    await queue.aclose()
