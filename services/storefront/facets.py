"""The choices beside a product list: what catalog counted, as facts for the template."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from services.money import Money
from services.storefront.catalog_facets import Facets, PriceBand, ValueCount, ValueCounts
from services.storefront.filters import ListingQuery

_BRANDS_SHOWN = 20
_ATTRIBUTES_SHOWN = 8
_VALUES_SHOWN = 12  # of one attribute


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet. `address` is this list with the value toggled (and on its first page);
    `value` is what the filter's form sends for it in the field `Facet.field`.

    `text` is what people read: a category's name, a brand, an attribute's value. A price band has
    no text but `low` and `high`, both inclusive, each None where the band is open."""

    text: str
    value: str
    count: int
    selected: bool
    address: str
    low: Money | None = None
    high: Money | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """`kind` names the facet; `name` is the attribute's own name, empty for the other kinds.
    With `approximate`, each count is a lower bound: show it as `120+`."""

    kind: str  # category, brand, price, attribute
    name: str
    field: str  # of the form: category, brand, attr.Color; empty for price (price_from, price_to)
    approximate: bool
    choices: list[Choice]


def facets_of(counted: Facets, path: str, query: ListingQuery, *, category_page: bool) -> list[Facet]:
    """In the order to show them; those that offer no choice are left out."""
    facets = [
        _category(counted, path, query, category_page=category_page),
        _price(counted, path, query),
        _brand(counted, path, query),
        *_attributes(counted, path, query),
    ]
    return [facet for facet in facets if facet.choices]


def _category(counted: Facets, path: str, query: ListingQuery, *, category_page: bool) -> Facet:
    """On a category's page the children's own pages, with the other filters kept."""
    values = [value for value in counted.category.values if not (category_page and value.selected)]
    choices = [
        Choice(
            value.name,
            value.slug,
            value.count,
            value.selected,
            query.address(f"/categories/{quote(value.slug, safe='')}", cursor="")
            if category_page
            else query.address(path, cursor="", category="" if value.selected else value.slug),
        )
        for value in values
    ]
    return Facet("category", "", "category", counted.category.approximate, choices)


def _price(counted: Facets, path: str, query: ListingQuery) -> Facet:
    def address(band: PriceBand) -> str:
        low, high = ("", "") if band.selected else (_typed(band.price_min), _typed(band.price_max))
        return query.address(path, cursor="", price_from=low, price_to=high)

    choices = [
        Choice("", "", band.count, band.selected, address(band), band.price_min, band.price_max)
        for band in counted.price.values
    ]
    return Facet("price", "", "", counted.price.approximate, choices)


def _typed(price: Money | None) -> str:
    """As a person would type it into the field: `20`, `19.99`."""
    if price is None:
        return ""
    whole, _, fraction = price.plain.partition(".")
    return price.plain if fraction.strip("0") else whole


def _brand(counted: Facets, path: str, query: ListingQuery) -> Facet:
    choices = [
        Choice(
            value.value,
            value.value,
            value.count,
            value.selected,
            query.address(path, cursor="", brand=_toggled(query.brand, value.value)),
        )
        for value in _shown(counted.brand, _BRANDS_SHOWN)
    ]
    return Facet("brand", "", "brand", counted.brand.approximate, choices)


def _attributes(counted: Facets, path: str, query: ListingQuery) -> list[Facet]:
    """The commonest, and those something is selected of."""
    shown = [
        attribute
        for place, attribute in enumerate(counted.attributes)
        if place < _ATTRIBUTES_SHOWN or attribute.name in query.attributes
    ]
    return [_attribute(attribute, path, query) for attribute in shown]


def _attribute(counted: ValueCounts, path: str, query: ListingQuery) -> Facet:
    name = counted.name
    chosen = query.attributes.get(name, [])

    def address(value: str) -> str:
        return query.address(path, cursor="", attributes={**query.attributes, name: _toggled(chosen, value)})

    choices = [
        Choice(value.value, value.value, value.count, value.selected, address(value.value))
        for value in _shown(counted, _VALUES_SHOWN)
    ]
    return Facet("attribute", name, f"attr.{name}", counted.approximate, choices)


def _shown(counted: ValueCounts, most: int) -> list[ValueCount]:
    """The commonest and the selected; a single one that is not selected is no choice."""
    shown = [value for place, value in enumerate(counted.values) if place < most or value.selected]
    return shown if len(shown) > 1 or any(value.selected for value in shown) else []


def _toggled(values: list[str], value: str) -> list[str]:
    return sorted(set(values) ^ {value})
