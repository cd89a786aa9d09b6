"""From a line's initial stock to what the shop shows: through checkout's ledger and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from databases import Database

from services.cache import ResponseCache
from services.catalog import availability
from services.checkout.stock import stock
from services.database import open_database, role_url
from services.redis_client import RedisClient
from services.settings import CacheSettings, DatabaseSettings, RedisSettings
from tests.catalog.conftest import SendLines, a_line

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def _role(service: str) -> AsyncIterator[Database]:
    settings = DatabaseSettings.read()
    database = open_database(role_url(settings, service), settings, pool_max=2, name=service)
    await database.connect()
    try:
        yield database
    finally:
        await database.disconnect()


async def _taken(owner: asyncpg.Connection, actor: str) -> list[Any]:
    """The one argument of each waiting job of an actor, all of them together; they are done with then."""
    rows = await owner.fetch("DELETE FROM jobs.jobs WHERE actor = $1 RETURNING args -> 0 AS given", actor)
    return [item for row in rows for item in msgspec.json.decode(row["given"])]


async def _work(owner: asyncpg.Connection) -> None:
    """What the workers do with an import's jobs."""
    levels = await _taken(owner, "checkout.stock_initially")
    async with _role("checkout") as checkout:
        await stock.stock_initially(checkout, msgspec.convert(levels, list[stock.FirstLevel]))
    told = await _taken(owner, "catalog.refresh_availability")
    client = RedisClient(RedisSettings.read(), "cache")
    async with _role("catalog") as catalog:
        cache = ResponseCache("catalog", client, CacheSettings.read())
        await availability.refresh(catalog, cache, msgspec.convert(told, list[availability.StockLevel]), 5)
    await client.close()


async def _shown(catalog: httpx.AsyncClient) -> dict[str, str]:
    variants = (await catalog.get("/api/catalog/products/mug")).json()["variants"]
    return {variant["sku"]: variant["availability"] for variant in variants}


def _variant(sku: str, **facts: Any) -> dict[str, Any]:
    return {"sku": sku, "price": 1000, "attributes": {}, **facts}


async def test_initial_stock_counts_once_and_is_shown(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    await send(a_line("mug", variants=[_variant("MANY", initial_stock=40), _variant("NONE")]))
    assert await _shown(catalog) == {"MANY": "sold_out", "NONE": "sold_out"}
    await _work(owner)
    assert await _shown(catalog) == {"MANY": "in_stock", "NONE": "sold_out"}
    await send(
        a_line("mug", variants=[_variant("MANY", initial_stock=70), _variant("NONE", initial_stock=2)])
    )
    await _work(owner)
    assert await _shown(catalog) == {"MANY": "in_stock", "NONE": "low"}
    levels = await owner.fetch("SELECT sku, level FROM checkout.stock_levels ORDER BY sku")
    assert [tuple(row) for row in levels] == [("MANY", 40), ("NONE", 2)]
