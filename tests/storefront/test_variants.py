"""Variants in an order one can read."""

from __future__ import annotations

from services.money import Money
from services.storefront.catalog_client import Availability, Variant
from services.storefront.variants import variant_table


def variant(price_minor: int = 1000, availability: Availability = "in_stock", **attributes: str) -> Variant:
    return Variant(Money(price_minor, "EUR"), None, "SKU", attributes, availability)


def test_a_dozen_variants_are_one_table_of_what_tells_them_apart() -> None:
    table = variant_table([variant(color="Navy", size=str(size), cut="Wide") for size in range(12)])
    assert table.columns == ["size"]
    assert table.shared == {"color": "Navy", "cut": "Wide"}
    assert [group.name for group in table.groups] == [""]


def test_many_variants_are_divided_into_groups_of_about_a_dozen() -> None:
    colors, sizes = [f"C{n}" for n in range(4)], [f"S{n}" for n in range(10)]
    table = variant_table([variant(color=color, size=size) for color in colors for size in sizes])
    assert [group.name for group in table.groups] == colors
    assert table.columns == ["size"]


def test_many_variants_that_nothing_divides_stay_one_table() -> None:
    table = variant_table([variant(engraving=str(number)) for number in range(40)])
    assert len(table.groups) == 1
    assert len(table.groups[0].variants) == 40


def test_variants_without_the_dividing_attribute_come_together() -> None:
    variants = [variant(color=color, size=str(n)) for color in ("Red", "Blue") for n in range(10)]
    table = variant_table([*variants, variant(size="None")])
    assert [group.name for group in table.groups] == ["Red", "Blue", "Other"]


def test_a_group_tells_its_lowest_price_and_how_many_are_left() -> None:
    group = variant_table([variant(1200, "sold_out", size="S"), variant(900, "low", size="M")]).groups[0]
    assert (str(group.lowest_price), group.priced_differently) == ("€9.00", True)
    assert group.available_count == 1
