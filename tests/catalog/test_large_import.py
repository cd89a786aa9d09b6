"""Ten thousand products in one stream: stored, found unchanged, and never held in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import asyncpg
import psutil
import pytest

from ops.demo.export import export_lines
from services.catalog.app import service
from tests.catalog.conftest import import_into
from tests.conftest import in_process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PRODUCTS = 10_000
WARM_AFTER = 2_000


class Watched:
    """The lines, counted and weighed as they pass, and how much the process grew since it was warm."""

    def __init__(self) -> None:
        self.bytes_sent = self.warm_bytes = self.grown_bytes = 0

    async def lines(self) -> AsyncIterator[bytes]:
        process = psutil.Process()
        for number, line in enumerate(export_lines(PRODUCTS, 3, "EUR")):
            self.bytes_sent += len(line)
            if number == WARM_AFTER:
                self.warm_bytes = process.memory_info().rss
            elif number > WARM_AFTER and number % 500 == 0:
                self.grown_bytes = max(self.grown_bytes, process.memory_info().rss - self.warm_bytes)
            yield line


async def test_many_products_pass_through_in_constant_memory(
    database_url: str, environment: Callable[..., None], owner: asyncpg.Connection
) -> None:
    environment(DATABASE_URL=database_url)
    watched = Watched()
    async with in_process(service) as client:
        report = await import_into(client, watched.lines())
        assert (report.created, report.updated, report.unchanged, report.errors) == (PRODUCTS, 0, 0, [])
        assert watched.bytes_sent > 20_000_000
        assert watched.grown_bytes < watched.bytes_sent / 3
        again = await import_into(client, watched.lines())
        assert (again.created, again.updated, again.unchanged) == (0, 0, PRODUCTS)
    listed = "SELECT count(DISTINCT product_id) FROM catalog.category_listing"
    published = "SELECT count(*) FROM catalog.products WHERE published_at IS NOT NULL"
    assert await owner.fetchval(listed) == await owner.fetchval(published) > 0.95 * PRODUCTS
