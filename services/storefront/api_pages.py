"""The API for its readers: the document for machines, a page for people."""

from __future__ import annotations

from services.cached_response import CachedResponse, stored_response
from services.decode import Nothing
from services.operations import Call
from services.storefront.languages import ENGLISH, speaking
from services.storefront.rendering import Page, page_response
from services.storefront.shop import Shop


async def openapi_json(call: Call[Shop, Nothing, Nothing]) -> CachedResponse:
    stored = stored_response(call.resources.reference.source, "application/json")
    return CachedResponse(stored, "public, max-age=60")


async def api_docs(call: Call[Shop, Nothing, Nothing]) -> Page:
    """In English, whoever asks: the document it shows is."""
    shop = call.resources
    tree = await shop.navigation.tree_if_any()
    with speaking(ENGLISH):
        canonical = shop.public_url + "/api/docs"
        return page_response(
            shop.templates.html("api_docs.html", tree, canonical=canonical, reference=shop.reference)
        )
