"""What PostgreSQL counted, as the facets of the answer."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from msgspec import UNSET

from services.catalog.facet_shapes import (
    AttributeFacet,
    BrandFacet,
    CategoryCount,
    CategoryFacet,
    FacetName,
    Facets,
    PriceBand,
    PriceFacet,
    Total,
    ValueCount,
)
from services.catalog.facets import BEFORE_ATTRIBUTES, BRAND, PRICE, has_price
from services.catalog.price_bands import bands
from services.catalog.shapes import ListQuery
from services.money import Money


class Counted(msgspec.Struct, frozen=True):
    """The column `facets`. None: not asked for, or nothing to count."""

    best_facet: int
    truncated: tuple[bool, bool]
    total: int
    category_name: str | None = None
    categories: list[tuple[str, str, int]] | None = None
    brands: list[tuple[str, int]] | None = None
    price_steps: list[tuple[int, int]] | None = None
    price_range: int = 0
    attributes: list[tuple[str, str, int]] | None = None

    def approximate(self, facet: int = 0) -> bool:
        """Whether the products of the walk that this facet counts were cut off."""
        return self.truncated[1 if facet and facet == self.best_facet else 0]


_decoder = msgspec.json.Decoder(Counted)


def facets_of(text: str, query: ListQuery, asked: Collection[FacetName], currency: str) -> Facets:
    """The facets that were asked for, from the JSON of `Counted`."""
    counted = _decoder.decode(text)
    return Facets(
        total=Total(counted.total, counted.approximate()),
        category=_category(counted, query) if "category" in asked else UNSET,
        brand=_brand(counted, query) if "brand" in asked else UNSET,
        price=_price(counted, query, currency) if "price" in asked else UNSET,
        attributes=_attributes(counted, query) if "attributes" in asked else UNSET,
    )


def _category(counted: Counted, query: ListQuery) -> CategoryFacet:
    chosen = query.category
    values = [CategoryCount(slug, name, count, False) for slug, name, count in counted.categories or ()]
    if chosen is not None:
        values.insert(0, CategoryCount(chosen, counted.category_name or chosen, counted.total, True))
    return CategoryFacet(counted.approximate(), values)


def _brand(counted: Counted, query: ListQuery) -> BrandFacet:
    return BrandFacet(counted.approximate(BRAND), _values(counted.brands or [], query.brand))


def _values(counts: list[tuple[str, int]], selected: list[str]) -> list[ValueCount]:
    """In their order, and what is selected but was not found at the end."""
    listed = {value: ValueCount(value, count, value in selected) for value, count in counts}
    for value in selected:
        listed.setdefault(value, ValueCount(value, 0, True))
    return list(listed.values())


def _price(counted: Counted, query: ListQuery, currency: str) -> PriceFacet:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount, currency)

    chosen = (query.price_min, query.price_max)
    values = [
        PriceBand(money(b.low), money(b.high), b.count, (b.low, b.high) == chosen)
        for b in bands(counted.price_steps or [])
    ]
    if has_price(query) and not any(band.selected for band in values):
        values.append(PriceBand(money(chosen[0]), money(chosen[1]), counted.price_range, True))
        values.sort(key=lambda band: band.price_min.amount if band.price_min else -1)
    return PriceFacet(counted.approximate(PRICE), values)


def _attributes(counted: Counted, query: ListQuery) -> list[AttributeFacet]:
    counts: dict[str, list[tuple[str, int]]] = {}
    for name, value, count in counted.attributes or ():
        counts.setdefault(name, []).append((value, count))
    for name in query.attributes:
        counts.setdefault(name, [])
    numbers = {name: number for number, name in enumerate(query.attributes, BEFORE_ATTRIBUTES + 1)}
    return [
        AttributeFacet(
            name,
            counted.approximate(numbers.get(name, 0)),
            _values(found, query.attributes.get(name, [])),
        )
        for name, found in counts.items()
    ]
