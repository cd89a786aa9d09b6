"""HTTP in, HTTP out: each endpoint names its cache key and the use case behind it."""

from __future__ import annotations

import msgspec
from starlette.types import ASGIApp

from services.catalog import listing, products, suggest
from services.catalog.resources import Catalog, product_key
from services.catalog.shapes import ListQuery, SuggestQuery
from services.decode import Nothing
from services.operations import Call

_encoder = msgspec.json.Encoder()


async def list_products(call: Call[Catalog, ListQuery, Nothing]) -> ASGIApp:
    catalog = call.resources

    async def load() -> bytes:
        page = await listing.list_products(
            catalog.database, call.query, catalog.store.currency, catalog.acquire_timeout_seconds
        )
        return _encoder.encode(page)

    key = "list?" + call.request.scope["query_string"].decode("ascii")
    return await catalog.cache.answer(key, catalog.caching.cache_list_seconds, load)


async def get_product(call: Call[Catalog, Nothing, Nothing]) -> ASGIApp:
    catalog, slug = call.resources, call.path("slug")

    async def load() -> bytes:
        store = catalog.store
        return await products.product_json(
            catalog.database, slug, store.currency, store.low_stock_level, catalog.acquire_timeout_seconds
        )

    answer = await catalog.cache.answer(product_key(slug), catalog.caching.cache_product_seconds, load)
    catalog.views.count(slug)
    return answer


async def get_categories(call: Call[Catalog, Nothing, Nothing]) -> ASGIApp:
    catalog = call.resources

    async def load() -> bytes:
        return _encoder.encode(
            await products.category_tree(catalog.database, catalog.acquire_timeout_seconds)
        )

    return await catalog.cache.answer("categories", catalog.caching.cache_product_seconds, load)


async def get_suggestions(call: Call[Catalog, SuggestQuery, Nothing]) -> ASGIApp:
    catalog, typed = call.resources, " ".join(call.query.q.lower().split())

    async def load() -> bytes:
        return _encoder.encode(
            await suggest.suggest(catalog.database, typed, catalog.acquire_timeout_seconds)
        )

    return await catalog.cache.answer(f"suggest?{typed}", catalog.caching.cache_list_seconds, load)
