"""HTTP in, HTTP out: each endpoint names its cache key and the use case behind it."""

from __future__ import annotations

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from services.catalog import listing, products, quotes, suggest
from services.catalog.import_shapes import ImportReport
from services.catalog.product_import import ProductImport
from services.catalog.resources import CATEGORIES_KEY, Catalog, product_key, slug_of
from services.catalog.shapes import ListQuery, QuoteQuery, SuggestQuery
from services.decode import Nothing
from services.errors import Malformed
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
    catalog, slug = call.resources, slug_of(call)

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

    return await catalog.cache.answer(CATEGORIES_KEY, catalog.caching.cache_product_seconds, load)


async def get_suggestions(call: Call[Catalog, SuggestQuery, Nothing]) -> ASGIApp:
    catalog, typed = call.resources, " ".join(call.query.q.lower().split())

    async def load() -> bytes:
        return _encoder.encode(
            await suggest.suggest(catalog.database, typed, catalog.acquire_timeout_seconds)
        )

    return await catalog.cache.answer(f"suggest?{typed}", catalog.caching.cache_list_seconds, load)


async def get_quotes(call: Call[Catalog, QuoteQuery, Nothing]) -> Response:
    catalog = call.resources
    body = await quotes.quotes_json(
        catalog.database, call.query.sku, catalog.store.currency, catalog.acquire_timeout_seconds
    )
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


async def import_products(call: Call[Catalog, Nothing, Nothing]) -> ImportReport:
    catalog = call.resources
    intake = ProductImport(catalog.database, catalog.cache, catalog.store)
    try:
        return await intake.run(call.request.stream())
    except ClientDisconnect:
        raise Malformed("The body broke off") from None
