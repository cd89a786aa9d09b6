"""Variants: what a product can be chosen in, its SKUs, and how many of each are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product as combinations
from math import prod

from ops.demo.chance import Chance, spread
from ops.demo.prices import Pricing
from ops.demo.vocabulary import Leaf
from services.storefront.pictures.palette import COLOURS

VARIANTS_MAX = 60
_OFTEN = 0.83  # brings products with one variant to three in five
_SOLD_OUT, _LOW = 0.10, 0.15
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U to misread
_CODES = {"charcoal": "CHR", "chalk": "CHK", "stone": "STO", "black": "BLK", "navy": "NVY"}

_BETWEEN = re.compile("[\N{EN DASH}\N{MULTIPLICATION SIGN}/&+]| to ")

Axes = dict[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Variant:
    sku: str
    position: int
    price_minor: int
    compare_at_minor: int | None
    attributes: dict[str, str]
    available: int
    weight_grams: int = 0


def colour_name(index: int) -> str:
    return COLOURS[index].name.capitalize()


def axes_of(leaf: Leaf, colour: int, chance: Chance) -> Axes:
    """What this product can be chosen in, every axis with two values or more; mostly nothing."""
    if not leaf.axes or not chance.maybe(leaf.choice * _OFTEN):
        return {}
    axes: Axes = {}
    for name in leaf.axes:
        values = _colours(colour, chance) if name == "colour" else _run(leaf.attributes[name], chance)
        if len(values) > 1:
            axes[name] = values
    while prod(len(values) for values in axes.values()) > VARIANTS_MAX:
        longest = max(axes, key=lambda name: len(axes[name]))
        axes[longest] = axes[longest][:-1]
    return axes


def _colours(first: int, chance: Chance) -> list[str]:
    """The picture's colour first, then mostly few others."""
    others = [index for index in range(len(COLOURS)) if index != first]
    count = 1 + int(chance.share() ** 1.6 * 7)
    return [colour_name(index) for index in (first, *chance.some(others, count - 1))]


def _run(values: Sequence[str], chance: Chance) -> Sequence[str]:
    """Neighbouring values, more often most of them than few."""
    length = max(2, round(len(values) * (1 - chance.share() ** 2 * 0.7)))
    start = chance.between(0, max(0, len(values) - length))
    return values[start : start + length]


def variants_of(leaf: Leaf, axes: Axes, number: int, pricing: Pricing, chance: Chance) -> list[Variant]:
    """All combinations of the axes' values, in their order, with prices and stock."""
    stem = f"KX-{_code(number)}"
    made = []
    for position, values in enumerate(combinations(*axes.values())):
        attributes = dict(zip(axes, values, strict=True))
        price_minor, compare_at_minor = pricing.of(factor(leaf, attributes))
        sku = "-".join([stem, *(_letters(name, value) for name, value in attributes.items())])
        made.append(Variant(sku, position, price_minor, compare_at_minor, attributes, 0))
    return _stocked(made, chance)


def factor(leaf: Leaf, attributes: dict[str, str]) -> float:
    """What the chosen values make of the base price, which is that of the middle value."""
    made = 1.0
    for name, value in attributes.items():
        if step := leaf.axes.get(name):
            values = leaf.attributes[name]
            made *= (1 + step) ** (values.index(value) - len(values) // 2)
    return made


def _stocked(variants: list[Variant], chance: Chance) -> list[Variant]:
    """One product in ten is sold out, one in twenty almost; of the others a few variants are."""
    luck = chance.share()
    if luck < _SOLD_OUT:
        return variants
    if luck < _LOW:
        last = chance.between(0, len(variants) - 1)
        left = 1 if chance.maybe(0.5) else chance.between(2, 5)
        variants[last] = replace(variants[last], available=left)
        return variants
    counts = [0 if chance.maybe(0.1) else 6 + int(chance.lognormal(14, 0.8)) for _ in variants]
    counts[chance.between(0, len(counts) - 1)] = chance.between(8, 60)
    return [replace(variant, available=count) for variant, count in zip(variants, counts, strict=True)]


def _code(number: int) -> str:
    """Five signs for a product number, neighbours far apart."""
    rest, signs = spread(number, 32**5, turn=7_340_033), ""
    for _ in range(5):
        rest, digit = divmod(rest, 32)
        signs = _DIGITS[digit] + signs
    return signs


def _letters(axis: str, value: str) -> str:
    """`Navy` is NVY, `500 ml` is 500ML, `40 x 60 cm` is 40.60CM."""
    if axis == "colour":
        return _CODES.get(value.lower(), value[:3].upper())
    joined = _BETWEEN.sub(".", value)
    return re.sub(r"[^A-Z0-9.]", "", joined.upper().replace("-", "M"))[:16]
