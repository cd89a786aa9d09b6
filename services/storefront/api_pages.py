"""The API for its readers: the document for machines, a page for people."""

from __future__ import annotations

from services.cached_response import CachedResponse, stored_response
from services.decode import Nothing
from services.operations import Call
from services.storefront.rendering import page_response
from services.storefront.shop import Shop


async def openapi_json(call: Call[Shop, Nothing, Nothing]) -> CachedResponse:
    stored = stored_response(call.resources.reference.source, "application/json")
    return CachedResponse(stored, "public, max-age=60")


async def api_docs(call: Call[Shop, Nothing, Nothing]) -> CachedResponse:
    shop = call.resources
    html = shop.templates.html(
        "api_docs.html",
        await shop.navigation.tree_if_any(),
        canonical=shop.public_url + "/api/docs",
        reference=shop.reference,
    )
    return page_response(html)
