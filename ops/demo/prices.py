"""Prices as shops write them: in minor units, ending in .99, .95, .00 or .50."""

from __future__ import annotations

from dataclasses import dataclass

from ops.demo.chance import Chance
from ops.demo.vocabulary import Leaf

ENDINGS_MINOR = (99, 95, 0, 50)
_ENDINGS_BY_FREQUENCY = (99,) * 9 + (95,) * 5 + (0,) * 4 + (50,) * 2
_DISCOUNTS = (0.1, 0.15, 0.2, 0.2, 0.2, 0.25, 0.3, 0.3, 0.4, 0.5)
_DISCOUNTED = 0.15
_LEAST = 2.2  # so that a discounted price is still a price


@dataclass(frozen=True, slots=True)
class Pricing:
    """How one product is priced; its variants follow from it."""

    base: float  # in major units, before the ending
    ending_minor: int
    discount: float  # 0 is none

    def of(self, factor: float) -> tuple[int, int | None]:
        """Price and former price of a variant, both in minor units; the latter None without
        a discount."""
        full_minor = with_ending(self.base * factor, self.ending_minor)
        if not self.discount:
            return full_minor, None
        reduced = with_ending(full_minor / 100 * (1 - self.discount), self.ending_minor)
        return min(reduced, full_minor - 100), full_minor


def pricing(leaf: Leaf, tier: float, chance: Chance) -> Pricing:
    median, sigma = leaf.price
    base = max(_LEAST, chance.lognormal(median * tier, sigma * 0.8))
    discount = chance.pick(_DISCOUNTS) if chance.maybe(_DISCOUNTED) else 0.0
    return Pricing(base, chance.pick(_ENDINGS_BY_FREQUENCY), discount)


def with_ending(amount: float, ending_minor: int) -> int:
    """The nearest price with that ending, in minor units; from 200 on, one that ends in 9."""
    if amount >= 200:
        return (round(amount / 10) * 10 - 1) * 100
    whole = max(2, round(amount))
    return whole * 100 if ending_minor == 0 else (whole - 1) * 100 + ending_minor
