"""How often products are looked at. A page view costs the request one addition; the counts leave
the process together, as a fast job, and a worker adds them to the day's row."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NoReturn

from databases import Database

from services.database import connection
from services.queries import load_queries
from services.queue import FastJob, FastQueue

_ADD_VIEWS = load_queries(__file__, "views.sql")["add_views"]

# Views are a hint for sorting: losing some while Redis is away beats burdening PostgreSQL with them.
COUNT_VIEWS = FastJob("catalog.count_views", when_redis_is_away="drop")


class ViewCounter:
    """Counts in memory and hands the counts over every `flush_seconds`, and once at the end."""

    def __init__(self, queue: FastQueue, flush_seconds: float) -> None:
        self._queue, self._flush_seconds = queue, flush_seconds
        self._views: dict[str, int] = {}

    def count(self, slug: str) -> None:
        """One more view of a product."""
        self._views[slug] = self._views.get(slug, 0) + 1

    async def run(self) -> NoReturn:
        """Flushes until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(self._flush_seconds)
                await self.flush()
        finally:
            await self.flush()
            await self._queue.close()

    async def flush(self) -> None:
        if self._views:
            views, self._views = self._views, {}
            await self._queue.enqueue(COUNT_VIEWS, views)


async def count_views(database: Database, views: Mapping[str, int]) -> None:
    """Adds `{slug: views}` to today's rows; unknown slugs count nothing. Not idempotent: a job run
    twice counts twice, which a popularity can bear. Raises DatabaseUnavailable."""
    async with connection(database) as raw:
        await raw.execute(_ADD_VIEWS, list(views.keys()), list(views.values()))
