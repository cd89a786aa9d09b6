"""Crowds at a door: those who wait for their answer before they ask again, and those who come anyhow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

Ask = Callable[[], Awaitable[httpx.Response]]


@dataclass
class Figures:
    """What a crowd was answered: by status, the seconds each answer took."""

    seconds: float = 0.0
    taken: dict[int, list[float]] = field(default_factory=dict)
    refusals_without_time: int = 0

    async def ask(self, ask: Ask) -> None:
        begun = time.monotonic()
        answer = await ask()
        self.taken.setdefault(answer.status_code, []).append(time.monotonic() - begun)
        if answer.status_code == 503 and not answer.headers.get("retry-after"):
            self.refusals_without_time += 1

    @property
    def good(self) -> list[float]:
        """What the answers of 200 and 201 took, from the quickest to the slowest."""
        return sorted([*self.taken.get(200, []), *self.taken.get(201, [])])

    @property
    def goodput(self) -> float:
        """Good answers a second."""
        return len(self.good) / self.seconds

    @property
    def refused(self) -> float:
        """The share of all answers that were 503."""
        return len(self.taken.get(503, [])) / sum(map(len, self.taken.values()))

    @property
    def p99(self) -> float:
        good = self.good
        return good[min(len(good) - 1, len(good) * 99 // 100)]

    def __str__(self) -> str:
        counts = {status: len(taken) for status, taken in sorted(self.taken.items())}
        return f"{self.goodput:.1f}/s good, p99 {self.p99 * 1000:.0f} ms, answers {counts}"


async def patient_crowd(ask: Ask, people: int, seconds: float) -> Figures:
    """Each asks again when answered: never more at once than `people`."""
    figures = Figures(seconds)
    ends = time.monotonic() + seconds

    async def person() -> None:
        while time.monotonic() < ends:
            await figures.ask(ask)

    await asyncio.gather(*(person() for _ in range(people)))
    return figures


async def heedless_crowd(ask: Ask, per_second: float, seconds: float) -> Figures:
    """One after the other on time, however many are still unanswered. Who comes late, because this machine
    was busy, comes at once."""
    figures = Figures(seconds)
    begun = time.monotonic()
    asking: list[asyncio.Task[None]] = []
    for number in range(round(per_second * seconds)):
        if (early := begun + number / per_second - time.monotonic()) > 0:
            await asyncio.sleep(early)  # the rate is what this crowd is
        asking.append(asyncio.create_task(figures.ask(ask)))
    await asyncio.gather(*asking)
    figures.seconds = time.monotonic() - begun
    return figures
