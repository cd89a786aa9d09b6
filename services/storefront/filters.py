"""The filters of a product list: as people send them in a form, and as catalog understands them.

Everything comes as text. A field left blank in a form is sent empty, so empty means unset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from services.decode import Input
from services.errors import FieldError
from services.money import Money

SORTS = {
    "relevance": "Best match",
    "newest": "Newest",
    "price": "Price: low to high",
    "-price": "Price: high to low",
    "name": "Name",
}
# As catalog limits them, so that a question to it never grows beyond an address's length.
_LONGEST = (
    ("q", "What you search for", 200),
    ("category", "The name of a category", 200),
    ("brand", "The name of a brand", 200),
    ("cursor", "The place in a list", 600),
)
BRANDS_MAX = 20
_PAGE_SIZE = 24
_BRANDS_AMONG = 100  # products to collect brands from: catalog's longest page

Parameters = dict[str, str | int | list[str]]


class ListingQuery(Input, frozen=True):
    """The parameters of `/search` and `/categories/{slug}`, in the order of the addresses we write."""

    q: str = ""
    category: str = ""
    brand: list[str] = []
    price_from: str = ""
    price_to: str = ""
    in_stock: str = ""
    sort: str = ""
    cursor: str = ""

    def address(self, path: str, **changes: str | list[str]) -> str:
        """This list's address, perhaps changed; what is unset stays out."""
        changed = msgspec.structs.replace(self, **changes)
        given = [(name, value) for name in self.__struct_fields__ if (value := getattr(changed, name))]
        return path + ("?" + urlencode(given, doseq=True) if given else "")

    @property
    def narrowed(self) -> bool:
        """Whether a filter (not words, sort or paging) is set."""
        return bool(self.category or self.brand or self.price_from or self.price_to or self.in_stock)


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
        paging: Parameters = {
            "brand": query.brand,
            "sort": query.sort,
            "cursor": query.cursor,
            "limit": _PAGE_SIZE,
        }
        return _without_empty(self._narrowing() | paging)

    def parameters_of_all_brands(self) -> Parameters:
        """The same products whatever their brand, to learn which brands there are."""
        return _without_empty(self._narrowing() | {"limit": _BRANDS_AMONG})

    def _narrowing(self) -> Parameters:
        return {
            "q": self.query.q,
            "category": self.query.category,
            "price_min": "" if self.price_from is None else self.price_from,
            "price_max": "" if self.price_to is None else self.price_to,
            "in_stock": "true" if self.query.in_stock else "",
        }


def _without_empty(parameters: Parameters) -> Parameters:
    return {name: value for name, value in parameters.items() if value not in ("", [])}


def checked(query: ListingQuery, currency: str) -> tuple[Filter, list[FieldError]]:
    """The filter, and what is wrong with it in words for the page."""
    errors: list[FieldError] = []
    prices: dict[str, int | None] = {}
    for name in ("price_from", "price_to"):
        text = getattr(query, name).strip()
        prices[name] = minor_units(text, currency) if text else None
        if text and prices[name] is None:
            errors.append(FieldError(name, f"“{text}” is not a price. Write it like 20 or 19.99."))
    low, high = prices["price_from"], prices["price_to"]
    if low is not None and high is not None and low > high:
        errors.append(FieldError("price_to", "The highest price is below the lowest."))
    errors += [
        FieldError(name, f"{words} has {longest} characters at most.")
        for name, words, longest in _LONGEST
        if max(map(len, _texts(getattr(query, name))), default=0) > longest
    ]
    if len(query.brand) > BRANDS_MAX:
        errors.append(FieldError("brand", f"Choose {BRANDS_MAX} brands at most."))
    if query.sort and query.sort not in SORTS:
        errors.append(FieldError("sort", f"“{query.sort}” is not a way to sort."))
    if query.in_stock not in ("", "1"):
        errors.append(FieldError("in_stock", f"“{query.in_stock}” is neither set (1) nor unset."))
    return Filter(_cleaned(query), low, high, currency), errors


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
        price_from=query.price_from.strip(),
        price_to=query.price_to.strip(),
        sort="" if query.sort in defaults else query.sort,
    )


def minor_units(text: str, currency: str) -> int | None:
    """`19.99`, `19,99`, `20` or `€20` as minor units; None for what is no price."""
    match = re.fullmatch(r"[€$£¥]?\s*([0-9]{1,9})(?:[.,]([0-9]{1,3}))?", text)
    if match is None:
        return None
    decimals = len(str(Money(0, currency)).partition(".")[2])
    fraction = match[2] or ""
    if len(fraction) > decimals:
        return None
    return int(match[1] + fraction.ljust(decimals, "0"))
