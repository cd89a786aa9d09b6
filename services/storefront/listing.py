"""A list of products as a page shows it: the products, the filters, and where each link leads."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from services.errors import FieldError, Invalid, Unavailable
from services.money import Money
from services.request_context import current_request
from services.storefront.catalog_client import CatalogClient, ProductCard, ProductPage
from services.storefront.catalog_facets import Facets, ValueCount, ValueCounts
from services.storefront.facets import Facet, facets_of
from services.storefront.filters import SORTS, Filter, ListingQuery, Parameters
from services.storefront.navigation import Tree
from services.storefront.texts import text

T = TypeVar("T")

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
    facets: list[Facet] = field(default_factory=list)
    total: int | None = None  # products found, or at least that many
    total_approximate: bool = False
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
        return {name: text(key) for name, key in SORTS.items() if self.query.q or name != "relevance"}

    @property
    def sort(self) -> str:
        return self.query.sort or ("relevance" if self.query.q else "newest")


async def if_available(answer: Awaitable[T], otherwise: T) -> T:
    """For parts a page can do without; the request at hand is noted to be incomplete."""
    try:
        return await answer
    except Unavailable:
        if (context := current_request.get()) is not None:
            context.incomplete = True
        return otherwise


def refused(path: str, query: ListingQuery, errors: list[FieldError]) -> Listing:
    """The list when its filters make no sense: as they were typed, with what is wrong."""
    messages = {_FIELDS.get(error.field, error.field): error.message for error in errors}
    chosen = Facets(
        brand=ValueCounts(values=_uncounted(query.brand)),
        attributes=[ValueCounts(name=name, values=_uncounted(v)) for name, v in query.attributes.items()],
    )
    return Listing(path, query, facets=facets_of(chosen, path, query, category_page=False), errors=messages)


def _uncounted(selected: list[str]) -> list[ValueCount]:
    """What is selected, so that the form keeps it although nothing was counted."""
    return [ValueCount(0, True, value) for value in selected if value]


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
    page = await _page_or_errors(catalog, chosen.parameters() | within)
    query = chosen.query
    if isinstance(page, Invalid):
        return refused(path, query, [_in_words(error) for error in page.errors])
    total = page.facets.total
    return Listing(
        path,
        query,
        page.items,
        facets=facets_of(page.facets, path, query, category_page=category is not None),
        total=total.count if total else None,
        total_approximate=bool(total and total.approximate),
        chips=_chips(path, chosen, tree),
        next_address=query.address(path, cursor=page.next_cursor) if page.next_cursor else None,
    )


async def _page_or_errors(catalog: CatalogClient, parameters: Parameters) -> ProductPage | Invalid:
    try:
        return await catalog.products(parameters)
    except Invalid as error:
        return error


def _in_words(error: FieldError) -> FieldError:
    """Catalog's objections: those to what a shopper can type were found before it was asked."""
    key = "filter.no_page" if error.field == "cursor" else "filter.any_other"
    return FieldError(error.field, text(key))


def _chips(path: str, chosen: Filter, tree: Tree) -> list[Chip]:
    query, chips = chosen.query, []

    def add(words: str, **without: str | list[str] | dict[str, list[str]]) -> None:
        chips.append(Chip(words, query.address(path, cursor="", **without)))

    if query.category:
        place = tree.places.get(query.category)
        add(place.category.name if place else query.category, category="")
    for brand in query.brand:
        add(brand, brand=[other for other in query.brand if other != brand])
    for name, values in query.attributes.items():
        for value in values:
            others = {**query.attributes, name: [other for other in values if other != value]}
            add(f"{name[:1].upper()}{name[1:]}: {value}", attributes=others)
    if chosen.price_from is not None:
        add(text("listing.at_least", price=Money(chosen.price_from, chosen.currency)), price_from="")
    if chosen.price_to is not None:
        add(text("listing.up_to", price=Money(chosen.price_to, chosen.currency)), price_to="")
    if query.in_stock:
        add(text("stock.in_stock"), in_stock="")
    return chips
