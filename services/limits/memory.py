"""The same counters in a process of their own, for the time in which Redis is away.

Bounded: when there are too many, those that were asked for longest ago go.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from services.limits.counting import Check, Taken

_ENTRIES_MAX = 50_000


class MemoryCounters:
    """Each replica allows its share: limit / `replicas`, and one at least."""

    def __init__(self, replicas: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._replicas = replicas
        self._clock = clock
        self._entries: OrderedDict[str, tuple[int, float]] = OrderedDict()  # count, and until when

    def take(self, checks: Sequence[Check]) -> Taken:
        """As take.lua: all or none."""
        refused: tuple[float, Check] | None = None
        free = set()
        for check in checks:
            if check.ban_seconds:
                if (left := self._left(check.ban_key)) > 0:
                    return Taken(check, True, left)
            elif check.once and self._count(check.once_key):
                free.add(check)
            elif self._count(check.key) >= self.share(check.limit):
                refused = max(refused or (0.0, check), (self._left(check.key), check), key=lambda one: one[0])
        if refused is not None:
            return Taken(refused[1], False, refused[0])
        for check in checks:
            if check.counts and check not in free:
                self._charge(check)
        return Taken(None, False, 0.0)

    def share(self, limit: int) -> int:
        return max(1, limit // self._replicas)

    def ban(self, check: Check, seconds: float) -> None:
        """What Redis said of a ban, to be remembered without it."""
        self._set(check.ban_key, 1, seconds)

    def _charge(self, check: Check) -> None:
        count, left = self._count(check.key) + 1, self._left(check.key)
        if check.ban_seconds and count >= self.share(check.limit):
            self._entries.pop(check.key, None)
            self._set(check.ban_key, 1, check.ban_seconds)
            return
        self._set(check.key, count, left or check.seconds)
        if check.once:
            self._set(check.once_key, 1, check.seconds)

    def _count(self, key: str) -> int:
        return self._entries[key][0] if self._left(key) > 0 else 0

    def _left(self, key: str) -> float:
        entry = self._entries.get(key)
        return 0.0 if entry is None else max(0.0, entry[1] - self._clock())

    def _set(self, key: str, count: int, seconds: float) -> None:
        self._entries[key] = (count, self._clock() + seconds)
        self._entries.move_to_end(key)
        if len(self._entries) > _ENTRIES_MAX:
            self._entries.popitem(last=False)
