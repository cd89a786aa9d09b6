"""A catalog in this process: over the demo products (read only), or over a few of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from services.catalog.app import service
from services.catalog.import_shapes import ImportReport
from tests.conftest import ADMIN_KEY, in_process

IMPORT = "/api/catalog/admin/import"
NDJSON = "application/x-ndjson"


@pytest.fixture
async def demo(demo_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    """Over 1,000 demo products, without memory or Redis in between."""
    environment(DATABASE_URL=demo_url, CACHE_MEMORY_SECONDS=0, CACHE_LIST_SECONDS=0, CACHE_PRODUCT_SECONDS=0)
    async with in_process(service) as client:
        yield client


@pytest.fixture
async def catalog(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    """Over the test's own products, uncached."""
    environment(
        DATABASE_URL=database_url, CACHE_MEMORY_SECONDS=0, CACHE_LIST_SECONDS=0, CACHE_PRODUCT_SECONDS=0
    )
    async with in_process(service) as client:
        yield client


AddProduct = Callable[..., Awaitable[int]]


@pytest.fixture
def add_product(owner: asyncpg.Connection) -> AddProduct:
    """Adds a published product with one variant: `await add_product("mug", price_minor=1999)`."""
    return partial(insert_product, owner)


async def insert_product(owner: asyncpg.Connection, slug: str, **facts: object) -> int:
    product_id: int = await owner.fetchval(
        """
        INSERT INTO catalog.products (slug, title, title_key, brand, price_minor, popularity, published_at)
        VALUES ($1, $2, '', $3, 0, $4, $5::text::timestamptz) RETURNING id
        """,
        slug,
        facts.get("title", slug.replace("-", " ").title()),
        facts.get("brand", "Kiosk"),
        facts.get("popularity", 0),
        facts.get("published_at", "2026-01-01"),
    )
    await owner.execute(
        "INSERT INTO catalog.product_details (product_id, description) VALUES ($1, $2)",
        product_id,
        facts.get("description", ""),
    )
    await owner.execute(
        """
        INSERT INTO catalog.variants (product_id, sku, price_minor, compare_at_minor, available, attributes)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        product_id,
        f"SKU-{slug}",
        facts.get("price_minor", 1000),
        facts.get("compare_at_minor"),
        facts.get("available", 10),
        facts.get("attributes", "{}"),
    )
    if category := facts.get("category"):
        await owner.execute(
            """
            INSERT INTO catalog.product_categories
            SELECT $1, id, true FROM catalog.categories WHERE slug = $2
            """,
            product_id,
            category,
        )
    await owner.execute("SELECT catalog.index_products($1, 5)", [product_id])
    return product_id


def a_line(slug: str, *, sku: str | None = None, **facts: Any) -> dict[str, Any]:
    """A line of an import with one variant; `facts` are its other fields."""
    return {
        "slug": slug,
        "title": slug.replace("-", " ").capitalize(),
        "brand": "Kiosk",
        "description": f"It is the {slug}.",
        "categories": [],
        "images": [{"url": "/pictures/mug/1.svg", "alt": "A mug"}],
        "attributes": {"material": "Clay"},
        "variants": [{"sku": sku or f"SKU-{slug}", "price": 1000, "attributes": {}}],
        **facts,
    }


def ndjson(*lines: object) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


async def import_into(client: httpx.AsyncClient, body: bytes | AsyncIterable[bytes]) -> ImportReport:
    headers = {"Content-Type": NDJSON, "Authorization": f"Bearer {ADMIN_KEY}"}
    response = await client.post(IMPORT, content=body, headers=headers)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=ImportReport)


SendLines = Callable[..., Awaitable[ImportReport]]


@pytest.fixture
def send(catalog: httpx.AsyncClient) -> SendLines:
    """Imports lines: `report = await send(a_line("mug"), a_line("cup"))`."""

    async def send_lines(*lines: object) -> ImportReport:
        return await import_into(catalog, ndjson(*lines))

    return send_lines


@pytest.fixture
def admin(catalog: httpx.AsyncClient) -> httpx.AsyncClient:
    catalog.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
    return catalog
