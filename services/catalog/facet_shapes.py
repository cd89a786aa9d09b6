"""The facets of a list as its answer tells them: what else could be chosen, and how many products each
choice would show."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.money import Money

FacetName = Literal["category", "brand", "price", "attributes"]
FACET_NAMES: tuple[FacetName, ...] = get_args(FacetName)

Approximate = Annotated[bool, Meta(description="The counts are lower bounds: not all products were counted")]


class Total(msgspec.Struct, frozen=True):
    """How many products the list holds in all."""

    count: int
    approximate: Approximate


class CategoryCount(msgspec.Struct, frozen=True):
    slug: str
    name: str
    count: int
    selected: bool


class ValueCount(msgspec.Struct, frozen=True):
    value: str
    count: int
    selected: bool


class PriceBand(msgspec.Struct, frozen=True):
    """`price_min` and `price_max` are the parameters that choose it; null where the band is open."""

    price_min: Money | None
    price_max: Money | None
    count: int
    selected: bool


class CategoryFacet(msgspec.Struct, frozen=True):
    """The chosen category, then those directly below it; without one, those at the top."""

    approximate: Approximate
    values: list[CategoryCount]


class BrandFacet(msgspec.Struct, frozen=True):
    """The commonest brands and those selected, the most frequent first."""

    approximate: Approximate
    values: list[ValueCount]


class PriceFacet(msgspec.Struct, frozen=True):
    """Bands that split the list about evenly, from low to high. A selected range that is none of them
    stands among them all the same."""

    approximate: Approximate
    values: list[PriceBand]


class AttributeFacet(msgspec.Struct, frozen=True):
    """The commonest values of one attribute and those selected, the most frequent first."""

    name: str
    approximate: Approximate
    values: list[ValueCount]


class Facets(msgspec.Struct, frozen=True):
    """What was asked for with `facets`, and the total with it; nothing when nothing was asked for. The
    counts of a facet take all filters into account but the facet's own, so they tell what another choice
    would show. What is selected is always listed, even with count 0."""

    total: Total | UnsetType = UNSET
    category: CategoryFacet | UnsetType = UNSET
    brand: BrandFacet | UnsetType = UNSET
    price: PriceFacet | UnsetType = UNSET
    attributes: list[AttributeFacet] | UnsetType = UNSET
