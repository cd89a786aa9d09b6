"""A product's variants in an order one can read, also when there are four hundred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.money import Money
from services.storefront.catalog_client import Variant

_ONE_TABLE_MAX = 12


@dataclass(frozen=True, slots=True)
class VariantGroup:
    """Variants that share one attribute's value. `name` is empty for the only group of a product."""

    name: str
    variants: list[Variant]

    @property
    def lowest_price(self) -> Money:
        return min((variant.price for variant in self.variants), key=lambda price: price.amount)

    @property
    def priced_differently(self) -> bool:
        return len({variant.price.amount for variant in self.variants}) > 1

    @property
    def available_count(self) -> int:
        return sum(variant.availability != "sold_out" for variant in self.variants)


@dataclass(frozen=True, slots=True)
class VariantTable:
    """`columns` are the attributes that tell the variants of a group apart, `shared` those in which
    all variants are the same."""

    columns: list[str]
    groups: list[VariantGroup]
    shared: dict[str, str]


def variant_table(variants: Sequence[Variant]) -> VariantTable:
    """One table for a dozen; beyond that one for each value of the attribute that divides them best."""
    names = dict.fromkeys(name for variant in variants for name in variant.attributes)
    values = {name: dict.fromkeys(v.attributes.get(name, "") for v in variants) for name in names}
    telling = [name for name in names if len(values[name]) > 1]
    shared = {name: next(iter(values[name])) for name in names if len(values[name]) == 1}
    divider = _divider({name: len(values[name]) for name in telling}, len(variants))
    if divider is None:
        return VariantTable(telling, [VariantGroup("", list(variants))], shared)
    groups = [
        VariantGroup(value or "Other", [v for v in variants if v.attributes.get(divider, "") == value])
        for value in values[divider]
    ]
    return VariantTable([name for name in telling if name != divider], groups, shared)


def _divider(value_counts: dict[str, int], variant_count: int) -> str | None:
    """The attribute that makes groups nearest in size to a dozen; None when one table will do."""
    fitting = {name: count for name, count in value_counts.items() if 2 * count <= variant_count}
    if variant_count <= _ONE_TABLE_MAX or not fitting:
        return None
    return min(fitting, key=lambda name: abs(variant_count / fitting[name] - _ONE_TABLE_MAX))
