"""Price bands for people: few, about evenly filled, with round edges.

PostgreSQL counts into fine steps that are the same for every list, so that one round trip is enough;
the bands are then put together from neighbouring steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_BANDS = 5
_LEADING = (10, 15, 20, 25, 30, 40, 50, 60, 75)  # the two leading digits an edge may have
_ROUNDEST = (10, 20, 50)
_PREFERENCE = 0.03  # share of the products that a rounder edge may be off by
# In minor units, ascending: 10, 15, 20 ... 7,500,000,000,000. Whole powers of ten scale them, so they are
# as round in a currency of two decimals as in one without.
EDGES: tuple[int, ...] = tuple(digits * 10**power for power in range(12) for digits in _LEADING)


@dataclass(frozen=True, slots=True)
class Band:
    """`low` and `high` are inclusive, in minor units; None where the band is open."""

    low: int | None
    high: int | None
    count: int


def bands(steps: Sequence[tuple[int, int]]) -> list[Band]:
    """Up to five bands from `(step, count)`, where step n lies between EDGES[n - 1] (inclusive) and
    EDGES[n]. None is empty. Empty when the products do not differ enough for two."""
    counts = dict(steps)
    total = sum(counts.values())
    if total == 0:
        return []
    below = list(accumulate(counts.get(step, 0) for step in range(len(EDGES))))  # products below EDGES[n]
    cuts = sorted({cut for part in range(1, _BANDS) if (cut := _cut_near(part / _BANDS, below, total)) >= 0})
    made, low, counted = [], None, 0
    for cut in cuts:
        if counted < below[cut] < total:
            made.append(Band(low, EDGES[cut] - 1, below[cut] - counted))
            low, counted = EDGES[cut], below[cut]
    return [*made, Band(low, None, total - counted)] if made else []


def _cut_near(share: float, below: list[int], total: int) -> int:
    """The edge that leaves about `share` of all products below it; -1 when none leaves some on both
    sides."""

    def distance(edge: int) -> float:
        round_enough = EDGES[edge] // 10 ** (len(str(EDGES[edge])) - 2) in _ROUNDEST
        return abs(below[edge] / total - share) + (0 if round_enough else _PREFERENCE)

    possible = [edge for edge in range(len(EDGES)) if 0 < below[edge] < total]
    return min(possible, key=distance, default=-1)
