"""How much a worker claims: what its idle threads can begin at once and, while jobs are short, what they will
begin within moments. A claim costs PostgreSQL nearly the same for one job as for fifty, and threads that
are done in a millisecond would spend their time waiting for the next claim."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from services.jobs.claims import Claim, ClaimedMessage

_AHEAD_SECONDS = 0.05  # so much work may wait in memory
_AHEAD_MAX = 8  # times the threads
_PATIENCE_SECONDS = 0.5  # then what waits goes back: some job turned out to be long, or the worker was paused
_NEWEST_WEIGHT = 0.2
_PACE_AT_FIRST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Begun:
    at: float
    waited_seconds: float


class ClaimsAhead:
    """Counts what the threads have begun and keeps what waits for them. `begin` hands a message to a
    thread; `now` is a clock in seconds."""

    def __init__(
        self, threads: int, begin: Callable[[ClaimedMessage], None], now: Callable[[], float]
    ) -> None:
        self._threads, self._begin, self._now = threads, begin, now
        self._begun: dict[UUID, _Begun] = {}  # by lease: a job may be claimed again while its zombie runs
        self._waiting: deque[tuple[float, ClaimedMessage]] = deque()
        self._pace_seconds = _PACE_AT_FIRST_SECONDS  # what a job takes of late
        self._stopped = False

    def room(self) -> tuple[int, int]:
        """How many jobs to claim now, and how many of them will begin at once. Nothing is claimed ahead until
        half of what may wait is gone: few large claims are cheaper than many small ones."""
        idle = max(0, self._threads - len(self._begun))
        depth = self._threads * min(_AHEAD_MAX, int(_AHEAD_SECONDS / self._pace_seconds))
        if self._stopped or (not idle and len(self._waiting) > depth // 2):
            return 0, 0
        return max(0, idle + depth - len(self._waiting)), idle

    def take(self, messages: Iterable[ClaimedMessage]) -> None:
        """What was claimed, the most urgent first."""
        now = self._now()
        self._waiting.extend((now, message) for message in messages)
        self._begin_waiting()

    def end(self, claim: Claim) -> float:
        """Its thread is done with it. Returns how many seconds it had waited before it began."""
        begun = self._begun.pop(claim.lease_token, None)
        if begun is not None:
            took_seconds = max(self._now() - begun.at, 1e-6)
            self._pace_seconds += _NEWEST_WEIGHT * (took_seconds - self._pace_seconds)
        self._begin_waiting()
        return begun.waited_seconds if begun is not None else 0.0

    def stop(self) -> None:
        """Begins nothing more."""
        self._stopped = True

    def is_stuck(self) -> bool:
        """Whether something waits that will not begin, or should have by now."""
        return bool(self._waiting) and (self._stopped or self._is_stale(self._waiting[0][0]))

    def drop_waiting(self) -> list[Claim]:
        """Forgets what has not begun, and claims nothing ahead until jobs are seen to be short again."""
        dropped = [message.claim for _, message in self._waiting]
        self._waiting.clear()
        self._pace_seconds = _PACE_AT_FIRST_SECONDS
        return dropped

    def _begin_waiting(self) -> None:
        """What has waited too long is not begun: the worker may have been paused, and its lease be over."""
        while not self._stopped and self._waiting and len(self._begun) < self._threads:
            taken, message = self._waiting[0]
            if self._is_stale(taken):
                return
            self._waiting.popleft()
            now = self._now()
            self._begun[message.claim.lease_token] = _Begun(now, now - taken)
            self._begin(message)

    def _is_stale(self, taken: float) -> bool:
        return self._now() - taken > _PATIENCE_SECONDS
