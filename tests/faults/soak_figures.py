"""What the processes of a store use, sampled over time, and whether it stays level."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

import psutil

from tests.store import LocalStore

SERVICES = ("catalog", "checkout", "storefront", "jobs", "health", "worker-durable", "worker-fast", "sandbox")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much the last quarter's median may lie above the second's: a share, and something besides."""

    share: float
    besides: float


GROWN_UP_SECONDS = 10.0
SAMPLES_MIN = 4
# A process that was killed begins small again, and pools fill as load and faults would have it.
ALLOWANCES = {
    "rss_mb": Allowance(0.15, 25.0),
    "files": Allowance(0.25, 20.0),
    "connections": Allowance(0.25, 20.0),
}


@dataclass(frozen=True, slots=True)
class Sample:
    at: float  # time.monotonic()
    value: float


@dataclass
class Figures:
    """By process and measure, in the order they were taken. A process that has just begun tells nothing: it
    has neither opened what it needs nor met anybody."""

    store: LocalStore
    seconds: float
    began: float = field(default_factory=time.monotonic)
    taken: dict[tuple[str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def take(self) -> None:
        for name, pid in self.store.pids().items():
            if name not in SERVICES:
                continue
            try:
                process = psutil.Process(pid)
                if time.time() - process.create_time() < GROWN_UP_SECONDS:
                    continue
                seen = {
                    "rss_mb": process.memory_info().rss / 1_000_000,
                    "files": float(process.num_fds()),
                    "connections": float(len(process.net_connections())),
                }
            except psutil.Error:  # killed meanwhile
                continue
            for measure, value in seen.items():
                self.taken[name, measure].append(Sample(time.monotonic() - self.began, value))

    def quarters(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Medians of the second quarter and of the last, where there are enough samples of both."""
        quarter = self.seconds / 4
        found = {}
        for key, samples in self.taken.items():
            early = [one.value for one in samples if quarter <= one.at < 2 * quarter]
            late = [one.value for one in samples if one.at >= 3 * quarter]
            if min(len(early), len(late)) >= SAMPLES_MIN:
                found[key] = median(early), median(late)
        return found

    def grown(self) -> dict[tuple[str, str], tuple[float, float]]:
        """What lies above its allowance."""
        return {
            (name, measure): (early, late)
            for (name, measure), (early, late) in self.quarters().items()
            if late > early * (1 + ALLOWANCES[measure].share) + ALLOWANCES[measure].besides
        }

    def __str__(self) -> str:
        lines = [f"{'process':16}" + "".join(f"{measure + ' 2nd/last':>26}" for measure in ALLOWANCES)]
        for name in SERVICES:
            pairs = [self.quarters().get((name, measure)) for measure in ALLOWANCES]
            told = [f"{pair[0]:15.0f} /{pair[1]:9.0f}" if pair else f"{'cut short':>26}" for pair in pairs]
            lines.append(f"{name:16}" + "".join(told))
        return "\n".join(lines)
