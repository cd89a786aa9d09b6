"""A hundred thousand products: loaded, and each visited exactly once in every sort."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from services.catalog.app import service
from services.catalog.listing import SORTS
from tests.conftest import Databases, in_process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PRODUCTS = 100_000
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.copy()
    subprocess.run(
        [sys.executable, "-m", "ops.demo", "--products", str(PRODUCTS)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
    )
    yield url
    await databases.drop(url)


@pytest.mark.parametrize("sort", [*SORTS])
async def test_paging_visits_each_of_many_products_once(
    large_url: str, environment: Callable[..., None], sort: str
) -> None:
    environment(DATABASE_URL=large_url, CACHE_MEMORY_ENTRIES=0, CACHE_LIST_SECONDS=0)
    owner = await asyncpg.connect(large_url)
    published = await owner.fetchval("SELECT count(*) FROM catalog.products WHERE published_at IS NOT NULL")
    await owner.close()
    assert published > 0.95 * PRODUCTS
    async with in_process(service) as client:
        assert await _visited(client, {"sort": sort}) == published


async def test_paging_a_common_search_visits_each_match_once(
    large_url: str, environment: Callable[..., None]
) -> None:
    environment(DATABASE_URL=large_url, CACHE_MEMORY_ENTRIES=0, CACHE_LIST_SECONDS=0)
    owner = await asyncpg.connect(large_url)
    matches = await owner.fetchval(
        """
        SELECT count(*) FROM catalog.search_documents
        WHERE full_vector @@ websearch_to_tsquery('catalog.shop', 'cotton')
        """
    )
    await owner.close()
    assert matches > 1000
    async with in_process(service) as client:
        assert await _visited(client, {"q": "cotton"}) == matches


async def _visited(client: httpx.AsyncClient, params: dict[str, str]) -> int:
    slugs: set[str] = set()
    visits, cursor = 0, None
    while visits == 0 or cursor is not None:
        page = (
            await client.get(
                "/api/catalog/products",
                params={**params, "limit": 100, **({"cursor": cursor} if cursor else {})},
            )
        ).json()
        slugs |= {item["slug"] for item in page["items"]}
        visits += len(page["items"])
        cursor = page["next_cursor"]
    assert len(slugs) == visits, "a product was visited twice"
    return visits
