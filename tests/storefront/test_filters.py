"""Filters as typed by people."""

from __future__ import annotations

import pytest

from services.storefront.filters import ListingQuery, checked, minor_units


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("20", "EUR", 2000),
        ("19.99", "EUR", 1999),
        ("19,9", "EUR", 1990),
        ("€20", "EUR", 2000),
        ("0", "EUR", 0),
        ("1980", "JPY", 1980),
        ("1.5", "JPY", None),
        ("1.234", "KWD", 1234),
        ("1.234", "EUR", None),
        ("-1", "EUR", None),
        ("1e3", "EUR", None),
        ("٣", "EUR", None),
        ("9" * 10, "EUR", None),
    ],
)
def test_a_price_is_read_as_people_write_it(text: str, currency: str, expected: int | None) -> None:
    assert minor_units(text, currency) == expected


def test_queries_that_mean_the_same_have_one_address() -> None:
    one, _ = checked(ListingQuery(q="  blue   mug ", brand=["b", "a", "b", ""], sort="relevance"), "EUR")
    other, _ = checked(ListingQuery(q="blue mug", brand=["a", "b"]), "EUR")
    assert one.query == other.query
    assert one.query.address("/search") == "/search?q=blue+mug&brand=a&brand=b"


def test_the_order_without_words_is_newest_whatever_was_asked_for_with_them() -> None:
    chosen, errors = checked(ListingQuery(sort="relevance"), "EUR")
    assert errors == []
    assert "sort" not in chosen.parameters()


def test_catalog_is_asked_in_minor_units() -> None:
    chosen, _ = checked(ListingQuery(price_from="5", price_to="19,99", in_stock="1"), "EUR")
    assert chosen.parameters() == {
        "price_min": 500,
        "price_max": 1999,
        "in_stock": "true",
        "limit": 24,
        "facets": "category,brand,price,attributes",
    }


def test_a_price_of_zero_is_a_filter() -> None:
    chosen, _ = checked(ListingQuery(price_to="0"), "EUR")
    assert chosen.parameters()["price_max"] == 0


def test_attributes_have_one_address_whatever_their_order() -> None:
    given = {"Size": ["M", "", "L", "M"], "Color": ["red & blue"], "Empty": [""]}
    chosen, errors = checked(ListingQuery(attributes=given), "EUR")
    assert errors == []
    assert chosen.query.address("/search") == "/search?attr.Color=red+%26+blue&attr.Size=L&attr.Size=M"
    assert chosen.parameters()["attr.Size"] == ["L", "M"]
    assert chosen.query.narrowed


@pytest.mark.parametrize(
    "attributes",
    [
        {f"name-{number}": ["x"] for number in range(11)},
        {"Color": [str(number) for number in range(21)]},
        {"Color": ["x" * 201]},
        {"x" * 61: ["red"]},
    ],
)
def test_attributes_beyond_what_catalog_takes_are_refused(attributes: dict[str, list[str]]) -> None:
    _, errors = checked(ListingQuery(attributes=attributes), "EUR")
    assert [error.field for error in errors] == ["attributes"]
