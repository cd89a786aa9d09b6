"""Brands: the known names of a department first, then families that put their craft on the sign."""

from __future__ import annotations

from dataclasses import dataclass

from ops.demo.chance import Chance, Ranks, spread
from ops.demo.vocabulary import Department

_COMPANIES = ("& Co.", "& Sons", "& Daughters", "Brothers")


@dataclass(frozen=True, slots=True)
class Brand:
    name: str
    origin: str  # the country its things are made in
    tier: float  # 1 asks the usual price, 1.3 asks a third more


def brands_wanted(products: int) -> int:
    """How many brands a shop of this size carries: 120 for 1,000 products, 2,000 for 100,000."""
    brands: float = 1.76 * products**0.611
    return max(1, round(brands))


class Makers:
    """The brands of one department; the first of them make most of its products."""

    def __init__(self, department: Department, families: tuple[str, ...], count: int, chance: Chance) -> None:
        signs = (*department.crafts, *_COMPANIES)
        names = list(department.brands[:count])
        invented = len(families) * len(signs)
        for number in range(min(count - len(names), invented)):
            family, sign = divmod(spread(number, invented), len(signs))
            names.append(f"{families[family]} {signs[sign]}")
        self._brands = [
            Brand(name, chance.skewed(department.origins), chance.lognormal(1.0, 0.2)) for name in names
        ]
        self._ranks = Ranks(len(names), exponent=1.0, head=2.0)

    def pick(self, chance: Chance) -> Brand:
        return self._brands[self._ranks.pick(chance)]
