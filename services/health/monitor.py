"""Looks at one dependency again and again, and changes its mind slowly.

Each probe runs in the background, never on a request: every HEALTH_INTERVAL_SECONDS with jitter,
one at a time, cut off after HEALTH_TIMEOUT_SECONDS. Two bad results in a row are needed to call a
dependency bad and two good ones to call it good again. Until it was good once, every result counts
at once and the next look comes soon: a store that starts is well as soon as it is.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["ok", "degraded", "down", "unknown"]

_RESULTS_TO_TURN = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    status: Status
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe:
    """A look at a dependency. `look` raises when the dependency does not answer."""

    name: str
    critical: bool
    look: Callable[[], Awaitable[Finding]]


class Monitor:
    """The present opinion of one dependency."""

    def __init__(self, probe: Probe, interval_seconds: float, timeout_seconds: float) -> None:
        self.probe = probe
        self._interval_seconds, self._timeout_seconds = interval_seconds, timeout_seconds
        self.status: Status = "unknown"
        self.since = datetime.now(UTC)
        self.latency_ms: float | None = None
        self.detail: dict[str, Any] = {}
        self._looked_at = time.monotonic()
        self._contrary = 0
        self._was_ok = False

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._looked_at

    async def run(self) -> None:
        while True:
            await self.look()
            interval_seconds = self._interval_seconds if self._was_ok else min(1.0, self._interval_seconds)
            await asyncio.sleep(interval_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # not a secret

    async def look(self) -> None:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                finding = await self.probe.look()
        except TimeoutError:
            finding = Finding("down", {"error": f"no answer within {self._timeout_seconds} s"})
        except Exception as error:  # whatever a dependency throws is news about it, not about us
            finding = Finding("down", {"error": f"{type(error).__name__}: {error}"})
        self.latency_ms = round((time.perf_counter() - started) * 1000, 2)
        self._looked_at = time.monotonic()
        self.detail = finding.detail
        self._consider(finding.status)

    def _consider(self, found: Status) -> None:
        if found == self.status:
            self._contrary = 0
            return
        self._contrary += 1
        if not self._was_ok or self._contrary >= _RESULTS_TO_TURN:
            self.status, self.since, self._contrary = found, datetime.now(UTC), 0
            self._was_ok = self._was_ok or found == "ok"
