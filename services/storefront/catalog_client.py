"""What the storefront reads of catalog: its own view of the API's shapes, and one call for each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from services.errors import NotFound
from services.internal_client import InternalClient
from services.money import Money
from services.storefront.catalog_facets import Facets

_SLUG_LENGTH_MAX = 200

Availability = Literal["sold_out", "low", "in_stock"]


class Image(msgspec.Struct, frozen=True):
    url: str
    alt: str


class Priced(msgspec.Struct, frozen=True):
    """Whatever has a price, and perhaps a price before."""

    price: Money
    compare_at: Money | None

    @property
    def saving_percent(self) -> int:
        """Percent below the price before, to the nearest whole; 0 when there is none."""
        if self.compare_at is None or self.compare_at.amount <= self.price.amount:
            return 0
        return round(100 * (self.compare_at.amount - self.price.amount) / self.compare_at.amount)


class ProductCard(Priced, frozen=True):
    slug: str
    title: str
    brand: str
    image: Image | None
    availability: Availability


class ProductPage(msgspec.Struct, frozen=True):
    items: list[ProductCard]
    next_cursor: str | None
    facets: Facets = Facets()


class Variant(Priced, frozen=True):
    sku: str
    attributes: dict[str, str]
    availability: Availability


class CategoryLink(msgspec.Struct, frozen=True):
    slug: str
    name: str


class Seo(msgspec.Struct, frozen=True):
    title: str
    description: str


class Product(ProductCard, frozen=True):
    """`categories` are paths from the root, the main one first."""

    description: str
    attributes: dict[str, str]
    images: list[Image]
    categories: list[list[CategoryLink]]
    seo: Seo
    variants: list[Variant]

    @property
    def priced_differently(self) -> bool:
        """Whether variants differ in price: then `price` is only where they begin."""
        return len({variant.price.amount for variant in self.variants}) > 1


class Category(CategoryLink, frozen=True):
    children: list[Category]


class CategoryTree(msgspec.Struct, frozen=True):
    items: list[Category]


class Suggestion(msgspec.Struct, frozen=True):
    kind: Literal["product", "category"]
    text: str
    path: str
    image: Image | None = None


class Suggestions(msgspec.Struct, frozen=True):
    items: list[Suggestion]


class NowCalled(msgspec.Struct, frozen=True):
    slug: str


class SlugRange(msgspec.Struct, frozen=True):
    """A part of all products; at most as many as were asked for are in it."""

    first_id: int
    last_id: int


class SlugRanges(msgspec.Struct, frozen=True):
    items: list[SlugRange]


class DatedSlug(msgspec.Struct, frozen=True):
    slug: str
    updated_at: datetime


class SlugPage(msgspec.Struct, frozen=True):
    items: list[DatedSlug]
    next_id: int | None


class CatalogClient:
    """Every call raises UpstreamUnavailable when catalog is away or too slow."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def products(self, parameters: Mapping[str, str | int | list[str]]) -> ProductPage:
        """A page of the list. Raises Invalid with the parameters catalog refused."""
        return await self._client.get("/api/catalog/products", ProductPage, parameters)

    async def product(self, slug: str) -> Product:
        """Raises NotFound."""
        if len(slug) > _SLUG_LENGTH_MAX:
            raise NotFound()
        return await self._client.get(f"/api/catalog/products/{quote(slug, safe='')}", Product)

    async def categories(self) -> CategoryTree:
        return await self._client.get("/api/catalog/categories", CategoryTree)

    async def suggestions(self, words: str) -> list[Suggestion]:
        """Up to 8 products and categories that `words` may have meant."""
        return (await self._client.get("/api/catalog/suggest", Suggestions, {"q": words})).items

    async def slug_now(self, kind: Literal["products", "categories"], slug: str) -> str:
        """What that had this slug is called now. Raises NotFound."""
        if len(slug) > _SLUG_LENGTH_MAX:
            raise NotFound()
        path = f"/internal/catalog/former-slugs/{kind}/{quote(slug, safe='')}"
        return (await self._client.get(path, NowCalled)).slug

    async def slug_ranges(self, size: int) -> list[SlugRange]:
        """All products there are, in parts of no more than `size`."""
        return (await self._client.get("/internal/catalog/slug-ranges", SlugRanges, {"size": size})).items

    async def slugs(self, first_id: int, last_id: int) -> SlugPage:
        """The products of a range, from its beginning; the rest from `next_id`."""
        parameters = {"first_id": first_id, "last_id": last_id}
        return await self._client.get("/internal/catalog/slugs", SlugPage, parameters)
