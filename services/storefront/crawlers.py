"""What crawlers are told: where they may go, and every page that is worth their while.

The sitemap (https://www.sitemaps.org/protocol.html) is an index of parts: one of the home page and the
categories, and one for each 50,000 product ids. A part is streamed as catalog walks it, so a
million products need no more memory than a few thousand.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from services.decode import Nothing
from services.encodings import choose
from services.errors import NotFound
from services.operations import Call, operation
from services.storefront.catalog_client import CatalogClient, SlugPage
from services.storefront.shop import Shop

PART_SIZE = 50_000  # the protocol's limit
_PRODUCTS_PART = re.compile(r"products-(0|[1-9][0-9]{0,12})\.xml")
_XML = "application/xml; charset=utf-8"
_CACHE_CONTROL = "public, max-age=3600"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_CRAWLERS = """User-agent: *
Disallow: /cart
Disallow: /checkout
Disallow: /language
Disallow: /orders
Disallow: /api/
Allow: /api/docs

Sitemap: {public_url}/sitemap.xml
"""


async def robots(call: Call[Shop, Nothing, Nothing]) -> Response:
    body = _CRAWLERS.format(public_url=call.resources.public_url)
    return PlainTextResponse(body, headers={"Cache-Control": _CACHE_CONTROL})


async def sitemap(call: Call[Shop, Nothing, Nothing]) -> Response:
    """The index. Ranges without products are left out."""
    shop = call.resources
    ranges = await shop.catalog.slug_ranges(PART_SIZE)
    names = ["pages", *(f"products-{part.first_id // PART_SIZE}" for part in ranges)]
    parts = "".join(
        f"<sitemap><loc>{shop.public_url}/sitemaps/{name}.xml</loc></sitemap>\n" for name in names
    )
    body = f'{_HEAD}<sitemapindex xmlns="{_NAMESPACE}">\n{parts}</sitemapindex>\n'
    return Response(body, media_type=_XML, headers={"Cache-Control": _CACHE_CONTROL})


async def sitemap_part(call: Call[Shop, Nothing, Nothing]) -> ASGIApp:
    """Raises NotFound for a part that can't be, UpstreamUnavailable while catalog is away."""
    shop, name = call.resources, call.path("name")
    if name == "pages.xml":
        slugs = (await shop.navigation.tree()).places
        paths = ["/", *(f"/categories/{quote(slug, safe='')}" for slug in slugs)]
        body = _urlset(_entry(shop.public_url + path) for path in paths)
        return Response(body, media_type=_XML, headers={"Cache-Control": _CACHE_CONTROL})
    match = _PRODUCTS_PART.fullmatch(name)
    if match is None:
        raise NotFound()
    first_id = int(match[1]) * PART_SIZE
    last_id = first_id + PART_SIZE - 1
    # Asked before the answer begins: what fails here can still be said by a status.
    first = await shop.catalog.slugs(first_id, last_id)
    if not first.items:
        raise NotFound()
    return _streamed(call, _product_entries(shop.catalog, shop.public_url, first, last_id))


async def _product_entries(
    catalog: CatalogClient, public_url: str, page: SlugPage, last_id: int
) -> AsyncIterator[bytes]:
    """A page of entries at a time. When catalog fails halfway the answer breaks off, so that nobody
    takes it for whole."""
    yield f'{_HEAD}<urlset xmlns="{_NAMESPACE}">\n'.encode()
    while True:
        yield "".join(
            _entry(f"{public_url}/products/{quote(product.slug, safe='')}", product.updated_at)
            for product in page.items
        ).encode()
        if page.next_id is None:
            break
        page = await catalog.slugs(page.next_id, last_id)
    yield b"</urlset>\n"


def _streamed(call: Call[Shop, Nothing, Nothing], chunks: AsyncIterator[bytes]) -> Response:
    headers = {"Cache-Control": _CACHE_CONTROL, "Vary": "Accept-Encoding"}
    if choose(", ".join(call.request.headers.getlist("accept-encoding")), ("gzip",)) == "gzip":
        headers["Content-Encoding"] = "gzip"
        chunks = _gzipped(chunks)
    if call.request.method == "HEAD":  # nobody gets the entries: they need not be walked
        chunks = _nothing()
    return StreamingResponse(chunks, media_type=_XML, headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


async def _gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    async for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _urlset(entries: Iterable[str]) -> str:
    return f'{_HEAD}<urlset xmlns="{_NAMESPACE}">\n{"".join(entries)}</urlset>\n'


def _entry(address: str, updated_at: datetime | None = None) -> str:
    changed = f"<lastmod>{updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</lastmod>" if updated_at else ""
    return f"<url><loc>{escape(address)}</loc>{changed}</url>\n"


OPERATIONS = [
    operation("GET", "/robots.txt", robots, "What crawlers may read", page=True),
    operation("GET", "/sitemap.xml", sitemap, "The parts of the sitemap", page=True),
    operation("GET", "/sitemaps/{name}", sitemap_part, "Addresses of pages", page=True),
]
