"""The filters of a product list: as people send them in a form, and as catalog understands them.

Everything comes as text. A field left blank in a form is sent empty, so empty means unset.

What a template gets of it is `listing.facets`, a list of `facets.Facet` in the order to show them
(category, price, brand, then attributes, the commonest first; a facet that offers no choice is left out):

    {% for facet in listing.facets %}
      facet.kind         "category" | "price" | "brand" | "attribute"
      facet.name         the attribute's own name, "Color"; empty for the other kinds
      facet.field        the form's field: "category", "brand", "attr.Color"; empty for prices
      facet.approximate  whether each count is a lower bound only: show "120+"
      {% for choice in facet.choices %}
        choice.text      the category's name, the brand, the attribute's value; empty for prices
        choice.low, choice.high   Money or None (open) of a price band, both inclusive
        choice.value     what a checkbox named `facet.field` sends for it
        choice.count     products it would show; a selected choice may have 0
        choice.selected
        choice.address   this list with the choice toggled, on its first page: a link's href

Category choices are links only on a category's page (they lead to the page of the child). On the search
page they are alternatives of which one is chosen (a radio button or a link; the chosen one comes first).
Brands and attribute values are checkboxes or links: within one facet they are alternatives. Price bands
are links; beside them stay the fields `price_from` and `price_to`. `listing.total` is the number of
products found (None when catalog did not say), `listing.total_approximate` whether it is a lower bound.
`listing.query.attributes` holds what is set of attributes: `{"Color": ["red"]}`; each is a chip too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from services.decode import Input
from services.errors import FieldError
from services.money import Money
from services.storefront.texts import text

# By what catalog calls it, the key of its text.
SORTS = {
    "relevance": "sort.relevance",
    "newest": "sort.newest",
    "price": "sort.price_up",
    "-price": "sort.price_down",
    "name": "sort.name",
}
# As catalog limits them, so that a question to it never grows beyond an address's length.
_LONGEST = (("q", 200), ("category", 200), ("brand", 200), ("cursor", 2000))
BRANDS_MAX = 20
_ATTRIBUTES_MAX = 10
_VALUES_MAX = 20  # of one attribute
_ATTRIBUTE_LENGTH_MAX = 60
_PAGE_SIZE = 24
_FACETS = "category,brand,price,attributes"

Parameters = dict[str, str | int | list[str]]


class ListingQuery(Input, frozen=True):
    """The parameters of `/search` and `/categories/{slug}`, in the order of the addresses we write."""

    q: str = ""
    category: str = ""
    brand: list[str] = []
    attributes: dict[str, list[str]] = msgspec.field(name="attr.", default_factory=dict)
    price_from: str = ""
    price_to: str = ""
    in_stock: str = ""
    sort: str = ""
    cursor: str = ""

    def address(self, path: str, **changes: str | list[str] | dict[str, list[str]]) -> str:
        """This list's address, perhaps changed; what is unset stays out."""
        given: list[tuple[str, str | list[str]]] = []
        for name, value in msgspec.structs.asdict(msgspec.structs.replace(self, **changes)).items():
            if name == "attributes":
                given += [
                    (f"attr.{attribute}", values) for attribute, values in sorted(value.items()) if values
                ]
            elif value:
                given.append((name, value))
        return path + ("?" + urlencode(given, doseq=True) if given else "")

    @property
    def narrowed(self) -> bool:
        """Whether a filter (not words, sort or paging) is set."""
        return any(
            (self.category, self.brand, self.attributes, self.price_from, self.price_to, self.in_stock)
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """A checked query. Prices are in minor units."""

    query: ListingQuery
    price_from: int | None
    price_to: int | None
    currency: str

    def parameters(self) -> Parameters:
        """What to ask catalog for this page."""
        query = self.query
        parameters: Parameters = {
            "q": query.q,
            "category": query.category,
            "brand": query.brand,
            **{f"attr.{name}": values for name, values in query.attributes.items()},
            "price_min": "" if self.price_from is None else self.price_from,
            "price_max": "" if self.price_to is None else self.price_to,
            "in_stock": "true" if query.in_stock else "",
            "sort": query.sort,
            "cursor": query.cursor,
            "limit": _PAGE_SIZE,
            "facets": _FACETS,
        }
        return {name: value for name, value in parameters.items() if value not in ("", [])}


def checked(query: ListingQuery, currency: str) -> tuple[Filter, list[FieldError]]:
    """The filter, and what is wrong with it in words for the page."""
    errors: list[FieldError] = []
    prices: dict[str, int | None] = {}
    for name in ("price_from", "price_to"):
        typed = getattr(query, name).strip()
        prices[name] = minor_units(typed, currency) if typed else None
        if typed and prices[name] is None:
            errors.append(FieldError(name, text("filter.no_price", typed=typed)))
    low, high = prices["price_from"], prices["price_to"]
    if low is not None and high is not None and low > high:
        errors.append(FieldError("price_to", text("filter.prices_crossed")))
    errors += [
        FieldError(name, text(f"filter.too_long_{name}", most=longest))
        for name, longest in _LONGEST
        if max(map(len, _texts(getattr(query, name))), default=0) > longest
    ]
    if len(query.brand) > BRANDS_MAX:
        errors.append(FieldError("brand", text("filter.too_many_brands", most=BRANDS_MAX)))
    errors += _wrong_attributes(query.attributes)
    if query.sort and query.sort not in SORTS:
        errors.append(FieldError("sort", text("filter.no_sort", typed=query.sort)))
    if query.in_stock not in ("", "1"):
        errors.append(FieldError("in_stock", text("filter.no_choice", typed=query.in_stock)))
    return Filter(_cleaned(query), low, high, currency), errors


def _wrong_attributes(attributes: dict[str, list[str]]) -> list[FieldError]:
    """Catalog's limits, so that it never refuses what this page asks."""
    too_many = len(attributes) > _ATTRIBUTES_MAX or any(len(v) > _VALUES_MAX for v in attributes.values())
    too_long = any(len(name) > _ATTRIBUTE_LENGTH_MAX for name in attributes) or any(
        len(value) > 200 for values in attributes.values() for value in values
    )
    if too_many or too_long:
        return [FieldError("attributes", text("filter.too_many_attributes"))]
    return []


def plain_address(path: str, query: ListingQuery, currency: str) -> str:
    """One address for all queries that show the same list. What makes no sense keeps its own: the page
    says what is wrong as it was typed."""
    chosen, errors = checked(query, currency)
    return (query if errors else chosen.query).address(path)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _cleaned(query: ListingQuery) -> ListingQuery:
    """One spelling for what means the same, so that it has one address."""
    words = " ".join(query.q.split())
    defaults = ("relevance",) if words else ("relevance", "newest")
    return msgspec.structs.replace(
        query,
        q=words,
        brand=sorted({brand for brand in query.brand if brand}),
        attributes={
            name: sorted(given) for name, values in query.attributes.items() if (given := {*values} - {""})
        },
        price_from=query.price_from.strip(),
        price_to=query.price_to.strip(),
        sort="" if query.sort in defaults else query.sort,
    )


def minor_units(typed: str, currency: str) -> int | None:
    """`19.99`, `19,99`, `20`, `€20` or `20 €` as minor units; None for what is no price."""
    match = re.fullmatch(r"[€$£¥]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,3}))?\s*[€$£¥]?", typed)
    if match is None:
        return None
    decimals = Money(0, currency).decimals
    fraction = match[2] or ""
    if len(fraction) > decimals:
        return None
    return int(match[1] + fraction.ljust(decimals, "0"))
