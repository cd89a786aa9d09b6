"""Stock as the shopkeeper sees and sets it. Orders move it by the SQL functions of schema/0003."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from databases import Database
from msgspec import Meta

from services.checkout.carts.quotes import is_sku
from services.checkout.refusals import refusals
from services.checkout.stock.shapes import Level, Movement, Stock
from services.database import connection, transaction
from services.errors import NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "stock.sql")
_STOCK, _HOLD, _ADJUST = _SQL["stock"], _SQL["hold_level"], _SQL["adjust"]
_HOLD_MANY, _BEGIN, _TELL = _SQL["hold_levels"], _SQL["begin"], _SQL["tell"]


class FirstLevel(msgspec.Struct, frozen=True):
    """How many there are of a SKU that is new."""

    sku: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?!\n)$")]
    level: Level


async def stock_of(database: Database, sku: str, timeout_seconds: float) -> Stock:
    """Raises NotFound for a SKU that never had any."""
    async with connection(database, timeout_seconds) as raw:
        row = await raw.fetchrow(_STOCK, sku)
    if row is None:
        raise NotFound()
    movements = msgspec.json.decode(row["movements"], type=list[Movement])
    return Stock(row["sku"], row["level"], row["reserved"], row["available"], movements)


async def set_stock(database: Database, sku: str, level: int, reason: str, timeout_seconds: float) -> None:
    """Notes the movement that leads to `level`, what is on the shelf; catalog hears of it. It may be
    less than unpaid orders hold: those that are then paid in vain get their money back. Raises NotFound
    for what can't be a SKU."""
    if not is_sku(sku):
        raise NotFound()
    async with transaction(database, timeout_seconds) as raw:
        with refusals():
            delta = level - await raw.fetchval(_HOLD, sku)
        if delta:
            await raw.execute(_ADJUST, sku, delta, reason)
        await raw.execute(_TELL, [sku])


async def stock_initially(database: Database, levels: Sequence[FirstLevel]) -> None:
    """First levels of new SKUs, as an import names them. One that has moved before keeps its level, so
    the job may run twice, even at once, and an import be repeated. Catalog hears of all: it may have
    forgotten a SKU that still has stock here."""
    async with transaction(database) as raw:
        skus = [each.sku for each in levels]
        await raw.execute(_HOLD_MANY, skus)
        await raw.execute(_BEGIN, skus, [each.level for each in levels])
        await raw.execute(_TELL, skus)
