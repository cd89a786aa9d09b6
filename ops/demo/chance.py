"""Chance that repeats: everything the demo catalog leaves to luck goes through here.

Only `Random.random()` and `gauss()` are used: their sequence for a seed is the same in every
Python version, which the checksum of the catalog depends on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import exp, gcd
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")

_GOLDEN = 0.6180339887498949


class Chance:
    """A seeded source of picks, shares and sizes."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def share(self) -> float:
        """Anything from 0 up to, never reaching, 1."""
        return self._random.random()

    def maybe(self, share: float) -> bool:
        return self._random.random() < share

    def between(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[int(self._random.random() * len(options))]

    def skewed(self, options: Sequence[Choice]) -> Choice:
        """The first options are the common ones, the last are rare."""
        return options[int(self._random.random() ** 1.8 * len(options))]

    def some(self, options: Sequence[Choice], count: int) -> list[Choice]:
        """`count` different options in the order of a shuffled deck."""
        deck = list(options)
        return [deck.pop(int(self._random.random() * len(deck))) for _ in range(min(count, len(deck)))]

    def lognormal(self, median: float, sigma: float) -> float:
        return median * exp(sigma * self._random.gauss(0.0, 1.0))


class Ranks:
    """Picks a rank from 0 on: the head often, the tail seldom (Zipf's law)."""

    def __init__(self, count: int, exponent: float, head: float = 1.0) -> None:
        """A larger `head` makes the first ranks more alike."""
        self._sums = list(accumulate(1 / (rank + head) ** exponent for rank in range(count)))

    def pick(self, chance: Chance) -> int:
        return bisect_right(self._sums, chance.share() * self._sums[-1])


def spread(index: int, size: int, turn: int = 0) -> int:
    """Where `index` goes when 0 to size-1 are scattered evenly: a shuffle that takes no memory.
    Each place is used once before any is used again."""
    step = max(1, round(size * _GOLDEN))
    while gcd(step, size) != 1:
        step += 1
    return (index * step + turn) % size
