"""The pages: each asks catalog for its parts at once and renders what came. A part that failed is left
out where the page still makes sense without it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import msgspec
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp

from services.decode import Nothing
from services.errors import NotFound, UpstreamUnavailable
from services.operations import Call
from services.storefront import found
from services.storefront.catalog_client import CategoryLink, ProductCard
from services.storefront.filters import ListingQuery, checked, plain_address
from services.storefront.listing import Listing, category_choices, if_available, listed, refused
from services.storefront.moved import moved
from services.storefront.page_cache import kept_a_moment, path_alone
from services.storefront.rendering import page_response
from services.storefront.shop import Shop
from services.storefront.texts import text
from services.storefront.variants import variant_table

_NEWEST_SHOWN = 12
_RELATED_SHOWN = 4


def _list_address(call: Call[Shop, ListingQuery, Nothing]) -> str:
    return plain_address(path_alone(call), call.query, call.resources.store.currency)


def _category_address(call: Call[Shop, ListingQuery, Nothing]) -> str:
    return plain_address(path_alone(call), _within_category(call.query), call.resources.store.currency)


def _within_category(query: ListingQuery) -> ListingQuery:
    """Words and another category have no place there: they are ignored like unknown parameters."""
    return msgspec.structs.replace(query, q="", category="")


@kept_a_moment(path_alone)
async def home(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    shop = call.resources
    tree, newest = await asyncio.gather(
        shop.navigation.tree_if_any(),
        if_available(shop.catalog.products({"limit": _NEWEST_SHOWN}), None),
    )
    if newest is None and not tree.top:
        raise UpstreamUnavailable()
    window = await shop.window.display(tree)
    html = shop.templates.html(
        "home.html",
        tree,
        canonical=shop.public_url + "/",
        found=found.of_home(shop.store.store_name, shop.public_url),
        window=window,
        newest=newest.items if newest else None,
    )
    return page_response(html)


@kept_a_moment(_category_address)
async def category(call: Call[Shop, ListingQuery, Nothing]) -> ASGIApp:
    shop, slug = call.resources, call.path("slug")
    tree = await shop.navigation.tree()
    place = tree.places.get(slug)
    if place is None:
        return await moved(call, "categories", slug)
    path = f"/categories/{quote(slug, safe='')}"
    chosen, errors = checked(_within_category(call.query), shop.store.currency)
    listing = (
        refused(path, chosen.query, errors)
        if errors
        else await listed(shop.catalog, path, chosen, tree, category=slug)
    )
    html = shop.templates.html(
        "category.html",
        tree,
        canonical=shop.public_url + listing.address,
        found=found.of_category(place, shop.store.store_name, shop.public_url, whole=listing.address == path),
        place=place,
        listing=listing,
    )
    return _answered(listing, html)


@kept_a_moment(_list_address)
async def search(call: Call[Shop, ListingQuery, Nothing]) -> ASGIApp:
    shop = call.resources
    tree = await shop.navigation.tree_if_any()
    chosen, errors = checked(call.query, shop.store.currency)
    listing = (
        refused("/search", chosen.query, errors)
        if errors
        else await listed(shop.catalog, "/search", chosen, tree)
    )
    words = listing.query.q
    nothing_found = not (listing.products or listing.errors or listing.query.cursor)
    suggestions = await if_available(shop.catalog.suggestions(words), []) if nothing_found and words else []
    html = shop.templates.html(
        "search.html",
        tree,
        canonical=shop.public_url + listing.address,
        words=words,
        listing=listing,
        choices=category_choices(tree, listing.query.category),
        suggestions=suggestions,
    )
    return _answered(listing, html)


@kept_a_moment(path_alone)
async def product(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    shop, slug = call.resources, call.path("slug")
    try:
        shown, tree = await asyncio.gather(shop.catalog.product(slug), shop.navigation.tree_if_any())
    except NotFound:
        return await moved(call, "products", slug)
    address = f"{shop.public_url}/products/{quote(shown.slug, safe='')}"
    trail = shown.categories[0] if shown.categories else []
    related = await if_available(_related(shop, shown.slug, trail), [])
    table = variant_table(shown.variants)
    article = {text("product.article"): shown.variants[0].sku} if len(shown.variants) == 1 else {}
    html = shop.templates.html(
        "product.html",
        tree,
        canonical=address,
        found=found.of_product(shown, address, shop.public_url),
        product=shown,
        trail=trail,
        related=related,
        details=shown.attributes | table.shared | article,
        table=table,
    )
    return page_response(html)


async def _related(shop: Shop, slug: str, trail: list[CategoryLink]) -> list[ProductCard]:
    """The newest others of the product's own category."""
    if not trail:
        return []
    page = await shop.catalog.products({"category": trail[-1].slug, "limit": _RELATED_SHOWN + 1})
    return [other for other in page.items if other.slug != slug][:_RELATED_SHOWN]


def _answered(listing: Listing, html: str) -> ASGIApp:
    if listing.errors:
        return HTMLResponse(html, 422, headers={"Cache-Control": "no-store"})
    return page_response(html)
