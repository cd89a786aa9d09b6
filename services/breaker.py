"""A circuit breaker: after enough failures in a window it says no at once, then lets one probe
through. One per process and dependency; never stored in the dependency it guards."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable


class Breaker:
    """Closed: all pass. Open: none pass until a jittered time is over. Half open: one probe passes;
    its success closes the breaker, its failure opens it for twice as long (up to a limit). `share`: failures
    open it only where they are at least this share of the calls since the first of them."""

    def __init__(
        self,
        *,
        failures: int,
        window_seconds: float,
        open_seconds: float,
        open_max_seconds: float,
        share: float = 0.0,
        on_change: Callable[[bool], None] = lambda _open: None,
    ) -> None:
        self._failures_allowed = failures
        self._window_seconds = window_seconds
        self._first_open_seconds = open_seconds
        self._open_max_seconds = open_max_seconds
        self._on_change = on_change
        self._share = share
        self._successes = 0
        self._failed_at: deque[tuple[float, int]] = deque(maxlen=failures)  # and how many successes before it
        self._open_seconds = open_seconds
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    @property
    def refuses(self) -> bool:
        """Whether `allows` would say no now. Takes no probe."""
        return self._open_until is not None and (self._probing or time.monotonic() < self._open_until)

    def allows(self) -> bool:
        """May the dependency be asked now? In half-open state True is given to one caller only, who
        must then report with `succeeded()` or `failed()`."""
        if self.refuses:
            return False
        self._probing = self._open_until is not None
        return True

    def succeeded(self) -> None:
        self._successes += 1
        if self._open_until is not None:
            self._open_until, self._probing = None, False
            self._open_seconds = self._first_open_seconds
            self._failed_at.clear()
            self._on_change(False)

    def failed(self) -> None:
        now = time.monotonic()
        if self._probing:
            self._open_seconds = min(self._open_seconds * 2, self._open_max_seconds)
            self._open(now)
        elif self._open_until is None:
            self._failed_at.append((now, self._successes))
            if len(self._failed_at) == self._failures_allowed and self._is_too_much(now):
                self._open(now)

    def _is_too_much(self, now: float) -> bool:
        begun, successes = self._failed_at[0]
        calls = self._failures_allowed + self._successes - successes
        return now - begun <= self._window_seconds and self._failures_allowed >= self._share * calls

    def _open(self, now: float) -> None:
        # Jitter keeps the replicas from probing a recovering server in step.
        self._open_until = now + self._open_seconds * random.uniform(0.75, 1.25)  # noqa: S311
        self._probing = False
        self._on_change(True)
