"""A list of products as a page shows it: the products, the filters, and where each link leads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from services.errors import FieldError, Invalid, Unavailable
from services.money import Money
from services.storefront.catalog_client import CatalogClient, ProductCard, ProductPage
from services.storefront.filters import SORTS, Filter, ListingQuery, Parameters
from services.storefront.navigation import Tree

T = TypeVar("T")

_BRANDS_SHOWN = 12
# Catalog's names for what this page calls otherwise.
_FIELDS = {"price_min": "price_from", "price_max": "price_to", "limit": "cursor"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, and the address without it."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class CategoryChoice:
    """A category one can filter by; `depth` 0 is the top."""

    slug: str
    name: str
    depth: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything the list's template needs. `errors` are by field; with any, there are no products."""

    path: str
    query: ListingQuery
    products: list[ProductCard] = field(default_factory=list)
    brands: list[str] = field(default_factory=list)
    chips: list[Chip] = field(default_factory=list)
    next_address: str | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.query.address(self.path)

    @property
    def first_address(self) -> str | None:
        return self.query.address(self.path, cursor="") if self.query.cursor else None

    @property
    def unfiltered_address(self) -> str:
        return ListingQuery(q=self.query.q, sort=self.query.sort).address(self.path)

    @property
    def sorts(self) -> dict[str, str]:
        return {name: text for name, text in SORTS.items() if self.query.q or name != "relevance"}

    @property
    def sort(self) -> str:
        return self.query.sort or ("relevance" if self.query.q else "newest")


async def if_available(answer: Awaitable[T], otherwise: T) -> T:
    """For parts a page can do without."""
    try:
        return await answer
    except Unavailable:
        return otherwise


def refused(path: str, query: ListingQuery, errors: list[FieldError]) -> Listing:
    """The list when its filters make no sense: as they were typed, with what is wrong."""
    messages = {_FIELDS.get(error.field, error.field): error.message for error in errors}
    return Listing(path, query, brands=sorted(query.brand), errors=messages)


def category_choices(tree: Tree, chosen: str) -> list[CategoryChoice]:
    """The two upper levels, and the chosen category wherever it is: a form must not lose it."""
    choices = [
        CategoryChoice(place.category.slug, place.category.name, len(place.trail))
        for place in tree.places.values()
        if len(place.trail) < 2 or place.category.slug == chosen
    ]
    if chosen and chosen not in tree.places:
        choices.append(CategoryChoice(chosen, chosen, 0))
    return choices


async def listed(
    catalog: CatalogClient, path: str, chosen: Filter, tree: Tree, *, category: str | None = None
) -> Listing:
    """The list at `path`; `category` is the one whose page it is. Raises UpstreamUnavailable."""
    within = {"category": category} if category is not None else {}
    page, others = await asyncio.gather(
        _page_or_errors(catalog, chosen.parameters() | within),
        if_available(
            _page_or_errors(catalog, chosen.parameters_of_all_brands() | within), ProductPage([], None)
        ),
    )
    query = chosen.query
    if isinstance(page, Invalid):
        return refused(path, query, [_in_words(error) for error in page.errors])
    known = others.items if isinstance(others, ProductPage) else []
    return Listing(
        path,
        query,
        page.items,
        brands=_brands(known or page.items, query.brand),
        chips=_chips(path, chosen, tree),
        next_address=query.address(path, cursor=page.next_cursor) if page.next_cursor else None,
    )


async def _page_or_errors(catalog: CatalogClient, parameters: Parameters) -> ProductPage | Invalid:
    try:
        return await catalog.products(parameters)
    except Invalid as error:
        return error


def _in_words(error: FieldError) -> FieldError:
    if error.field == "cursor":
        return FieldError("cursor", "This page of the list is no more. Begin again at its first page.")
    return error


def _brands(products: list[ProductCard], chosen: list[str]) -> list[str]:
    """The commonest brands among the products, and those chosen, in the order of the alphabet."""
    common = [brand for brand, _ in Counter(p.brand for p in products).most_common(_BRANDS_SHOWN)]
    return sorted({*common, *chosen} - {""}, key=str.casefold)


def _chips(path: str, chosen: Filter, tree: Tree) -> list[Chip]:
    query, chips = chosen.query, []

    def add(text: str, **without: str | list[str]) -> None:
        chips.append(Chip(text, query.address(path, cursor="", **without)))

    if query.category:
        place = tree.places.get(query.category)
        add(place.category.name if place else query.category, category="")
    for brand in query.brand:
        add(brand, brand=[other for other in query.brand if other != brand])
    if chosen.price_from is not None:
        add(f"From {Money(chosen.price_from, chosen.currency)}", price_from="")
    if chosen.price_to is not None:
        add(f"Up to {Money(chosen.price_to, chosen.currency)}", price_to="")
    if query.in_stock:
        add("In stock", in_stock="")
    return chips
