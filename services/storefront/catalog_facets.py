"""The facets of a list as catalog answers them."""

from __future__ import annotations

import msgspec

from services.money import Money


class Total(msgspec.Struct, frozen=True):
    """With `approximate` (here and below) counts are lower bounds."""

    count: int
    approximate: bool


class Count(msgspec.Struct, frozen=True):
    count: int
    selected: bool


class CategoryCount(Count, frozen=True):
    slug: str
    name: str


class ValueCount(Count, frozen=True):
    value: str


class PriceBand(Count, frozen=True):
    price_min: Money | None
    price_max: Money | None


class CategoryCounts(msgspec.Struct, frozen=True):
    approximate: bool = False
    values: list[CategoryCount] = []


class ValueCounts(msgspec.Struct, frozen=True):
    """Of the brands, or of the attribute `name`."""

    approximate: bool = False
    values: list[ValueCount] = []
    name: str = ""


class PriceCounts(msgspec.Struct, frozen=True):
    approximate: bool = False
    values: list[PriceBand] = []


class Facets(msgspec.Struct, frozen=True):
    total: Total | None = None
    category: CategoryCounts = CategoryCounts()
    brand: ValueCounts = ValueCounts()
    price: PriceCounts = PriceCounts()
    attributes: list[ValueCounts] = []
