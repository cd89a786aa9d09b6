"""Every actor there is: a name, a use case, and how often to try. Payloads are checked here, use
cases do the work. Jobs are delivered at least once, so use cases bear being called again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import dramatiq
import msgspec
from dramatiq import Broker

from services.catalog import availability, views
from services.jobs.verdicts import HandedBack
from services.jobs.worker_resources import WorkerResources

DURABLE_QUEUES = FAST_QUEUES = ("default",)


def declare_durable_actors(broker: Broker, resources: WorkerResources) -> None:
    async def refresh_availability(levels: list[dict[str, Any]]) -> None:
        """`levels`: `[{"sku", "available", "version"}]`, as checkout enqueues them."""
        stock = msgspec.convert(levels, list[availability.StockLevel])
        low = resources.store.low_stock_level
        await availability.refresh(resources.catalog, resources.catalog_cache, stock, low)

    _declare(broker, "catalog.refresh_availability", refresh_availability)


def declare_fast_actors(broker: Broker, resources: WorkerResources) -> None:
    async def count_views(counts: dict[str, int]) -> None:
        """`counts`: `{slug: views}`."""
        await views.count_views(resources.catalog, msgspec.convert(counts, dict[str, int]))

    _declare(broker, views.COUNT_VIEWS.actor, count_views)


def _declare(broker: Broker, name: str, work: Callable[..., Awaitable[None]], **options: Any) -> None:
    async def run(*arguments: Any) -> None:
        try:
            await work(*arguments)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise
            raise HandedBack() from None

    dramatiq.actor(actor_name=name, broker=broker, **options)(run)
