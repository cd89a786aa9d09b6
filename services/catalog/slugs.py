"""All products by slug, a part at a time: what a sitemap is made of. Walked by id, so that a million
of them cost each reader one index range."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from databases import Database
from msgspec import Meta

from services.catalog.cursors import BigInt
from services.database import connection
from services.decode import Input
from services.queries import load_queries

_SQL = load_queries(__file__, "slugs.sql")
_SLUG_RANGES, _SLUGS = _SQL["slug_ranges"], _SQL["slugs"]
_PAGE_SIZE = 5000


class RangesQuery(Input, frozen=True):
    size: Annotated[int, Meta(ge=1, le=50_000)] = 50_000


class SlugRange(msgspec.Struct, frozen=True):
    """A part of all products, in which there is at least one."""

    first_id: int
    last_id: int


class SlugRanges(msgspec.Struct, frozen=True):
    items: list[SlugRange]


class SlugsQuery(Input, frozen=True):
    first_id: BigInt
    last_id: BigInt


class DatedSlug(msgspec.Struct, frozen=True):
    slug: str
    updated_at: datetime


class SlugPage(msgspec.Struct, frozen=True):
    """`next_id` begins the next page of the same range; null: this was the last."""

    items: list[DatedSlug]
    next_id: int | None


async def slug_ranges(database: Database, size: int, timeout_seconds: float) -> SlugRanges:
    """Published products in ranges of `size` ids each. Raises DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        rows = await raw.fetch(_SLUG_RANGES, size)
    return SlugRanges([SlugRange(row["first_id"], row["last_id"]) for row in rows])


async def slugs(database: Database, first_id: int, last_id: int, timeout_seconds: float) -> SlugPage:
    """Up to 5,000 published products of a range. Raises DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        rows = await raw.fetch(_SLUGS, first_id, last_id, _PAGE_SIZE)
    next_id = rows[-1]["id"] + 1 if len(rows) == _PAGE_SIZE else None
    return SlugPage([DatedSlug(row["slug"], row["updated_at"]) for row in rows], next_id)
