"""Price bands: few, filled, round, and together everything."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as some

from services.catalog.price_bands import EDGES, bands

prices = some.lists(some.integers(0, 10**12) | some.integers(0, 50_000), max_size=200)


def _steps(of: list[int]) -> list[tuple[int, int]]:
    """As PostgreSQL's width_bucket counts them."""
    return list(Counter(bisect_right(EDGES, price) for price in of).items())


@settings(deadline=None)
@given(prices)
def test_bands_hold_every_product_once_and_none_is_empty(of: list[int]) -> None:
    made = bands(_steps(of))
    assert len(made) <= 5
    assert len(made) != 1
    for band in made:
        low, high = band.low or 0, 10**13 if band.high is None else band.high
        assert band.count == sum(low <= price <= high for price in of) > 0
    if made:
        assert made[0].low is None
        assert made[-1].high is None
        assert sum(band.count for band in made) == len(of)
        assert all(one.high is not None and one.high + 1 == two.low for one, two in zip(made, made[1:]))  # noqa: B905, RUF007


def test_edges_ascend_and_are_round() -> None:
    assert list(EDGES) == sorted(set(EDGES))
    assert all(len(str(edge).rstrip("0")) <= 2 for edge in EDGES)


def test_a_list_of_one_price_has_no_bands() -> None:
    assert bands(_steps([1999] * 50)) == []


def test_bands_split_a_usual_shop_about_evenly_at_round_prices() -> None:
    made = bands(_steps(list(range(500, 20_000, 10))))
    assert [(band.low, band.high) for band in made] == [
        (None, 4999),
        (5000, 7499),
        (7500, 9999),
        (10000, 14999),
        (15000, None),
    ]
