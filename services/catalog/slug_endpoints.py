"""What the storefront asks of names: for the sitemap, and for addresses of before."""

from __future__ import annotations

from services.catalog import former_slugs, slugs
from services.catalog.former_slugs import NowCalled
from services.catalog.resources import Catalog, slug_of
from services.catalog.slugs import RangesQuery, SlugPage, SlugRanges, SlugsQuery
from services.decode import Nothing
from services.operations import Call, operation


async def get_ranges(call: Call[Catalog, RangesQuery, Nothing]) -> SlugRanges:
    catalog = call.resources
    return await slugs.slug_ranges(catalog.database, call.query.size, catalog.acquire_timeout_seconds)


async def get_slugs(call: Call[Catalog, SlugsQuery, Nothing]) -> SlugPage:
    catalog, query = call.resources, call.query
    timeout_seconds = catalog.acquire_timeout_seconds
    return await slugs.slugs(catalog.database, query.first_id, query.last_id, timeout_seconds)


async def get_product_now(call: Call[Catalog, Nothing, Nothing]) -> NowCalled:
    catalog = call.resources
    return await former_slugs.now_called(
        catalog.database, "products", slug_of(call), catalog.acquire_timeout_seconds
    )


async def get_category_now(call: Call[Catalog, Nothing, Nothing]) -> NowCalled:
    catalog = call.resources
    return await former_slugs.now_called(
        catalog.database, "categories", slug_of(call), catalog.acquire_timeout_seconds
    )


OPERATIONS = [
    operation(
        "GET",
        "/internal/catalog/slug-ranges",
        get_ranges,
        "All products, in parts",
        query=RangesQuery,
        answer=SlugRanges,
    ),
    operation(
        "GET",
        "/internal/catalog/slugs",
        get_slugs,
        "The products of a part",
        query=SlugsQuery,
        answer=SlugPage,
    ),
    operation(
        "GET",
        "/internal/catalog/former-slugs/products/{slug}",
        get_product_now,
        "What a product is called now",
        answer=NowCalled,
    ),
    operation(
        "GET",
        "/internal/catalog/former-slugs/categories/{slug}",
        get_category_now,
        "What a category is called now",
        answer=NowCalled,
    ),
]
