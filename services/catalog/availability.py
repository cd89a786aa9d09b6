"""What checkout last said about stock: the projection that lists and product pages show."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from databases import Database

from services.cache import ResponseCache
from services.catalog.resources import product_key
from services.database import transaction
from services.queries import load_queries

_SQL = load_queries(__file__, "availability.sql")
_LOCK_PRODUCTS, _HEAR_STOCK, _JUDGE_PRODUCTS = (
    _SQL["lock_products"],
    _SQL["hear_stock"],
    _SQL["judge_products"],
)


class StockLevel(msgspec.Struct, frozen=True):
    """Checkout's word on one SKU. `version` rises with each change of it."""

    sku: str
    available: int
    version: int


async def refresh(
    database: Database, cache: ResponseCache, levels: Sequence[StockLevel], low_stock_level: int
) -> None:
    """Takes over stock levels, whatever order they arrive in: a version not newer than the stored one
    changes nothing. Unknown SKUs are ignored. The products' cached answers are forgotten also when
    nothing changed, because an earlier try may have ended between the two. Raises DatabaseUnavailable."""
    skus = [level.sku for level in levels]
    available = [max(0, level.available) for level in levels]
    versions = [level.version for level in levels]
    async with transaction(database) as raw:
        products = await raw.fetch(_LOCK_PRODUCTS, skus)
        changed = [row["product_id"] for row in await raw.fetch(_HEAR_STOCK, skus, available, versions)]
        if changed:
            await raw.execute(_JUDGE_PRODUCTS, changed, low_stock_level)
    if products:
        await cache.forget(*(product_key(row["slug"]) for row in products))
