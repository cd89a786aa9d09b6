"""What a page tells search engines and the sites it is shared on: a description, a picture, and facts
in the words of schema.org (JSON-LD). Addresses are absolute there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urljoin

import msgspec
from markupsafe import Markup

from services.money import Money
from services.storefront.catalog_client import CategoryLink, Image, Product
from services.storefront.navigation import Place
from services.storefront.texts import text

Facts = dict[str, Any]

_SCHEMA = "https://schema.org"
_AVAILABILITY = {"in_stock": "InStock", "low": "LimitedAvailability", "sold_out": "OutOfStock"}
_IMAGES_MAX = 6
# In JSON these may be written so as well; in HTML they could end the script or begin a comment.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, slots=True)
class Found:
    """`title` is the page's own, without the shop's name; none of it: just the shop. A page that is not
    `indexed` stays out of search engines, its links do not."""

    title: str = ""
    description: str = ""
    kind: Literal["website", "product"] = "website"
    image: Image | None = None
    price: Money | None = None
    indexed: bool = True
    facts: tuple[Facts, ...] = ()


def json_ld(facts: Facts) -> Markup:
    """Facts as the content of a `<script type="application/ld+json">`, whatever they contain. Browsers
    do not run it, so the content security policy has no say in it."""
    encoded = msgspec.json.encode({"@context": _SCHEMA, **facts}).decode()
    return Markup("".join(_UNSAFE.get(sign, sign) for sign in encoded))  # noqa: S704  # nothing left to escape


def of_home(store_name: str, public_url: str) -> Found:
    website = {
        "@type": "WebSite",
        "name": store_name,
        "url": public_url + "/",
        "potentialAction": {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": f"{public_url}/search?q={{search_term_string}}"},
            "query-input": "required name=search_term_string",
        },
    }
    return Found(description=text("found.home", store=store_name), facts=(website,))


def of_category(place: Place, store_name: str, public_url: str, *, whole: bool) -> Found:
    """`whole`: the list as it is, neither filtered nor sorted nor a later page of it. Only that one is
    for search engines: of the others there is no end."""
    name = place.category.name
    trail = _breadcrumb((*place.trail, place.category), public_url)
    return Found(
        title=name,
        description=text("found.category", category=name, store=store_name),
        indexed=whole,
        facts=(trail,),
    )


def of_product(product: Product, address: str, public_url: str) -> Found:
    images = [Image(urljoin(public_url, image.url), image.alt) for image in product.images]
    trail = product.categories[0] if product.categories else []
    facts = {
        "@type": "Product",
        "name": product.title,
        "url": address,
        "description": product.seo.description,
        "image": [image.url for image in images[:_IMAGES_MAX]],
        "offers": _offers(product, address),
    }
    if product.brand:
        facts["brand"] = {"@type": "Brand", "name": product.brand}
    if len(product.variants) == 1:
        facts["sku"] = product.variants[0].sku
    crumbs = (*trail, CategoryLink(product.slug, product.title))
    return Found(
        title=product.seo.title,
        description=product.seo.description,
        kind="product",
        image=images[0] if images else None,
        price=product.price,
        facts=(facts, _breadcrumb(crumbs, public_url, last_address=address)),
    )


def _offers(product: Product, address: str) -> Facts:
    """One offer, or the span of all variants': a thousand of them would be longer than the page."""
    common: Facts = {
        "url": address,
        "priceCurrency": product.price.currency,
        "availability": f"{_SCHEMA}/{_AVAILABILITY[product.availability]}",
    }
    if not product.priced_differently:
        return {"@type": "Offer", "price": product.price.plain, **common}
    prices = sorted((variant.price for variant in product.variants), key=lambda price: price.amount)
    return {
        "@type": "AggregateOffer",
        "lowPrice": prices[0].plain,
        "highPrice": prices[-1].plain,
        "offerCount": len(prices),
        **common,
    }


def _breadcrumb(trail: tuple[CategoryLink, ...], public_url: str, *, last_address: str = "") -> Facts:
    addresses = [f"{public_url}/categories/{quote(link.slug, safe='')}" for link in trail]
    if last_address:
        addresses[-1] = last_address
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": link.name, "item": address}
            for place, (link, address) in enumerate(zip(trail, addresses, strict=True), 1)
        ],
    }
