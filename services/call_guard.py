"""What stands around calls to one dependency that may be slow or away: a bulkhead, a breaker, a retry budget.

The bulkhead bounds how many calls are under way at once, so that a dependency which answers slowly holds up
those who need it and nobody else; the breaker stops asking one that does not answer; the budget keeps second
tries from doubling the load of one that is in trouble. One per process and dependency.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services import metrics
from services.breaker import Breaker
from services.places import NoPlace, Places, Rank
from services.request_context import current_request

_WINDOW_SECONDS = 10.0
# Slow calls among many good ones are no reason to stop asking.
_FAILED_SHARE = 0.5
_RETRIES_IN_STOCK_MAX = 10.0


class CallNotMade(Exception):
    """The dependency was not asked: `breaker`, `full`, `waited` or `deadline`."""


@dataclass(slots=True)
class Verdict:
    """How a call went, for its breaker. `answered`: the dependency is there and said something, be it no.
    `fair`: it had the time it may take; when the caller had less, silence proves nothing."""

    seconds_left: float
    fair: bool
    answered: bool = False


class CallGuard:
    """Raises nothing of the call's own; `retry_share` is how many calls of a hundred may be made again."""

    def __init__(
        self,
        target: str,
        *,
        calls_max: int,
        wait_seconds: float,
        failures: int,
        open_seconds: float,
        open_max_seconds: float,
        retry_share: float = 0.0,
    ) -> None:
        self._target, self._wait_seconds, self._retry_share = target, wait_seconds, retry_share
        self._retries = _RETRIES_IN_STOCK_MAX if retry_share else 0.0
        self.places = Places(calls_max, reserved_share=0.25, waiting_max=2 * calls_max)
        gauge = metrics.breaker_open.labels(target)
        gauge.set(0)
        self.breaker = Breaker(
            failures=failures,
            window_seconds=_WINDOW_SECONDS,
            open_seconds=open_seconds,
            open_max_seconds=open_max_seconds,
            share=_FAILED_SHARE,
            on_change=gauge.set,
        )

    @asynccontextmanager
    async def call(self, patience_seconds: float) -> AsyncIterator[Verdict]:
        """Around one call, which is to take no longer than `seconds_left` of the verdict and sets `answered`.
        Any exception counts as silence unless it is set. Raises CallNotMade."""
        context = current_request.get()
        left = patience_seconds if context is None else context.seconds_left(patience_seconds)
        if left <= 0:
            raise self._refusal("deadline")
        if self.breaker.refuses:  # said before waiting for a place, which may be one of the stuck calls'
            raise self._refusal("breaker")
        rank = Rank.RESERVED if context is not None and context.reserved else Rank.PUBLIC
        left -= await self._take(rank, min(left, self._wait_seconds))
        try:
            if not self.breaker.allows():
                raise self._refusal("breaker")
            self._retries = min(_RETRIES_IN_STOCK_MAX, self._retries + self._retry_share)
            verdict = Verdict(left, fair=left >= patience_seconds / 2)
            try:
                yield verdict
            finally:  # also when cancelled: a use case has lost its patience, and a probe has to report
                self._judge(verdict)
        finally:
            self.places.give_back(rank)

    def may_retry(self) -> bool:
        """Whether a call may be made again; takes it from the budget."""
        if self._retries < 1 or self.breaker.refuses:
            return False
        self._retries -= 1
        metrics.calls_retried_total.labels(self._target).inc()
        return True

    def _judge(self, verdict: Verdict) -> None:
        if verdict.answered:
            self.breaker.succeeded()
        elif verdict.fair or self.breaker.is_open:
            self.breaker.failed()

    async def _take(self, rank: Rank, wait_seconds: float) -> float:
        """Takes a place; the seconds that it took."""
        begun = time.monotonic()
        try:
            await self.places.take(rank, wait_seconds)
        except NoPlace as none:
            raise self._refusal(none.reason) from None
        return time.monotonic() - begun

    def _refusal(self, reason: str) -> CallNotMade:
        metrics.calls_refused_total.labels(self._target, reason).inc()
        return CallNotMade(f"{self._target}: {reason}")
