"""What things weigh with their wrapping: as their attributes say, or else as things of their kind do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ops.demo.chance import spread
from ops.demo.variants import Variant, factor
from ops.demo.vocabulary import Leaf

_STATED = re.compile(r"([\d.]+) (k?g)")
_STATED_BY = ("weight", "size")  # a candle's size is its weight
_WEIGHTLESS = ("memory", "storage", "power", "cups")
_PRODUCTS_APART = 997  # products of one kind weigh from a fifth less to a fifth more


def weighed(
    variants: Sequence[Variant], leaf: Leaf, attributes: Mapping[str, str], number: int
) -> list[Variant]:
    """The variants with their weights. Takes nothing from chance, so all else stays as it was."""
    share = 0.8 + 0.4 * spread(number % _PRODUCTS_APART, _PRODUCTS_APART) / _PRODUCTS_APART
    return [
        replace(variant, weight_grams=_grams(leaf, {**attributes, **variant.attributes}, variant, share))
        for variant in variants
    ]


def _grams(leaf: Leaf, attributes: Mapping[str, str], variant: Variant, share: float) -> int:
    for name in _STATED_BY:
        if stated := _STATED.fullmatch(attributes.get(name, "")):
            net = float(stated[1]) * (1000 if stated[2] == "kg" else 1)
            return _rounded(net * 1.08 + 15)
    chosen = {name: value for name, value in variant.attributes.items() if name not in _WEIGHTLESS}
    return _rounded(leaf.grams * share * factor(leaf, chosen))


def _rounded(grams: float) -> int:
    """As scales in a shop's storeroom show it."""
    step = 5 if grams < 1000 else 50
    return max(step, round(grams / step) * step)
