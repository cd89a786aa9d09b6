"""Looks at one dependency again and again, and changes its mind slowly.

Each probe runs in the background, never on a request: every HEALTH_INTERVAL_SECONDS with jitter,
one at a time, cut off after HEALTH_TIMEOUT_SECONDS; a probe may have other times. Two bad results in
a row are needed to call a dependency bad, as bad as the milder one of them, and two good ones to call
it good again. Until it was good once, every result counts at once, and in the first minute the next look
comes soon: a store that starts is well as soon as it is, and what stays bad is not asked for ever so.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["ok", "degraded", "down", "unknown"]

_FROM_GOOD_TO_BAD: tuple[Status, ...] = ("ok", "unknown", "degraded", "down")
_LATENCIES_KEPT = 100
_QUICK_LOOKS_SECONDS = 60.0
# Jitter, and what a busy process may be late by, before an opinion counts as old.
_LATE_FACTOR, _LATE_SECONDS = 1.2, 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. `error` is a class of errors, such as `ConnectionRefusedError`."""

    status: Status
    detail: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at a dependency. `look` raises when the dependency does not answer. `interval_seconds` and
    `timeout_seconds` are for one that is looked at less often, or that limits its own parts."""

    name: str
    critical: bool
    look: Callable[[], Awaitable[Finding]]
    interval_seconds: float | None = None
    timeout_seconds: float | None = None


class Monitor:
    """The present opinion of one dependency."""

    def __init__(self, probe: Probe, interval_seconds: float, timeout_seconds: float) -> None:
        self.probe = probe
        self.interval_seconds = probe.interval_seconds or interval_seconds
        self._timeout_seconds = probe.timeout_seconds or timeout_seconds
        self.status: Status = "unknown"
        self.since = datetime.now(UTC)
        self.last_ok: datetime | None = None
        self.latency_ms: float | None = None
        self.error: str | None = None
        self.detail: dict[str, Any] = {}
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._looked_at = self._began_at = time.monotonic()
        self._last: Status = "unknown"
        self._was_ok = False

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._looked_at

    @property
    def is_stale(self) -> bool:
        """Whether the next look is overdue, by this probe's own interval."""
        return self.age_seconds > self.interval_seconds * _LATE_FACTOR + _LATE_SECONDS

    @property
    def latency_p95_ms(self) -> float | None:
        """Of the last hundred looks, those that failed among them."""
        if not self._latencies_ms:
            return None
        return sorted(self._latencies_ms)[math.ceil(len(self._latencies_ms) * 0.95) - 1]

    @property
    def pause_seconds(self) -> float:
        """Until the next look, but for jitter."""
        starting = not self._was_ok and time.monotonic() - self._began_at < _QUICK_LOOKS_SECONDS
        return min(1.0, self.interval_seconds) if starting else self.interval_seconds

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self.pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # not a secret

    async def look(self) -> None:
        started = time.perf_counter()
        finding = await self._finding()
        self.latency_ms = round((time.perf_counter() - started) * 1000, 2)
        self._latencies_ms.append(self.latency_ms)
        self._looked_at = time.monotonic()
        self.detail, self.error = finding.detail, finding.error
        if finding.status == "ok":
            self.last_ok = datetime.now(UTC)
        self._consider(finding.status)

    async def _finding(self) -> Finding:
        """Never raises: whatever a dependency throws is news about it, and no end of the loop."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self.probe.look()
        except TimeoutError:
            return Finding("down", {"error": f"no answer within {self._timeout_seconds} s"}, "TimeoutError")
        except Exception as error:
            return failed(error)

    def _consider(self, found: Status) -> None:
        """Takes the middle one of the opinion and the last two looks: it goes as far as both of these went,
        in one direction."""
        last, self._last = self._last, found
        opinion = (
            sorted((self.status, last, found), key=_FROM_GOOD_TO_BAD.index)[1] if self._was_ok else found
        )
        if opinion != self.status:
            self.status, self.since = opinion, datetime.now(UTC)
        self._was_ok = self._was_ok or opinion == "ok"


def failed(error: Exception, status: Status = "down") -> Finding:
    """What an exception tells: the error beneath, where ours only says that something is away."""
    told = error.__cause__ if isinstance(error.__cause__, Exception) else error
    kind = type(told).__name__
    return Finding(status, {"error": f"{kind}: {told}".rstrip(": ")}, kind)
