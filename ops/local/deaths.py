"""Which processes died, read from supervisor's own log, and which die too often."""

from __future__ import annotations

import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass

TOO_MANY = 5
WITHIN_SECONDS = 60.0

# 2026-11-23 12:00:00,123 WARN exited: catalog (terminated by SIGKILL; not expected)
_EXITED = re.compile(r" (?:WARN|INFO) exited: (\S+) \((.+?); (?:not )?expected\)$")
_GAVE_UP = re.compile(r" gave up: (\S+) entered FATAL state")


@dataclass(frozen=True, slots=True)
class Death:
    """One end of a process that nobody asked for. `number` counts those of the last minute."""

    program: str
    how: str
    number: int
    gave_up: bool = False


class Deaths:
    """Counts deaths by program."""

    def __init__(self) -> None:
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def read(self, line: str) -> Death | None:
        """The death that a line of supervisor's log tells of, if it does."""
        if found := _GAVE_UP.search(line):
            return Death(found[1], "gave up", len(self._times[found[1]]), gave_up=True)
        found = _EXITED.search(line)
        if found is None:
            return None
        times, now = self._times[found[1]], time.monotonic()
        times.append(now)
        while now - times[0] > WITHIN_SECONDS:
            times.popleft()
        return Death(found[1], found[2], len(times))
