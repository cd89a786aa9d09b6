"""One product by its slug, and the tree of categories."""

from __future__ import annotations

from databases import Database

from services.catalog.shapes import Category, CategoryTree
from services.database import connection
from services.errors import NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "products.sql")
_PRODUCT_BY_SLUG, _ALL_CATEGORIES = _SQL["product_by_slug"], _SQL["all_categories"]


async def product_json(
    database: Database, slug: str, currency: str, low_stock_level: int, timeout_seconds: float
) -> bytes:
    """A published product as the JSON of `shapes.Product`, built by PostgreSQL: it saves the app two
    thirds of its work per page. Raises NotFound, DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        text = await raw.fetchval(_PRODUCT_BY_SLUG, slug, currency, low_stock_level)
    if text is None:
        raise NotFound("There is no such product")
    return str(text).encode()


async def category_tree(database: Database, timeout_seconds: float) -> CategoryTree:
    """The whole tree. Raises DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        rows = await raw.fetch(_ALL_CATEGORIES)
    children: dict[int | None, list[Category]] = {None: []}
    children.update((row["id"], []) for row in rows)
    for row in rows:
        children[row["parent_id"]].append(Category(row["slug"], row["name"], children[row["id"]]))
    return CategoryTree(children[None])
