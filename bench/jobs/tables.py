"""The figures as a reader wants them: each rate beside its ratio to ours, taken within the rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.jobs.readings import Readings

OURS = "durable"
_OLD = "durable, old jobs"
_PACKAGES = "dramatiq celery procrastinate psycopg rq redis hiredis"
_VERSIONS = """
import sys
from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in sys.argv[1:]))
"""
_AIMS: tuple[tuple[str, str, str, float], ...] = (
    ("durable drains Procrastinate's rate this many times", "durable", "Procrastinate", 3.0),
    ("... dramatiq's, actors as the shop's are", "durable", "dramatiq, Redis", 1.0),
    ("... dramatiq's, the same plain actor", "durable, plain actor", "dramatiq, Redis", 1.0),
    ("fast drains stock dramatiq's rate this many times", "fast", "dramatiq, Redis", 0.9),
    ("drain beside old jobs, of that without", _OLD, OURS, 0.9),
)
_BULK_AIM, _START_AIM_MS, _WORK_AIM = 20_000.0, 50.0, 1.2


def conditions(peers: Path, settings: str, load_before: Sequence[float]) -> None:
    """What a reader must know to judge the figures."""
    command = [str(peers / "bin" / "python"), "-c", _VERSIONS, *_PACKAGES.split()]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    print(f"{settings}, on {_file_system(Path(tempfile.gettempdir()))}; Valkey writes nothing to its disk")
    now = os.getloadavg()
    print(
        f"{os.cpu_count()} cores; load average {load_before[0]:.1f} before, {now[0]:.1f} at the end"
        f" ({now[2]:.1f} over 15 minutes)"
    )


def show(found: dict[str, Readings]) -> None:
    _rates("run, jobs/s", found, lambda readings: readings.drain)
    _costs(found)
    _rates("stored one by one, jobs/s", found, lambda readings: readings.one)
    _rates("... in one open transaction", found, lambda readings: readings.inside)
    _rates("stored by the thousand, jobs/s", found, lambda readings: readings.bulk)
    print(f"\n{'asked for until begun, idle, ms':34}{'median':>9}{'p95':>9}{'most':>9}")
    for name, readings in found.items():
        if len(readings.start_ms) > 1:
            p95 = statistics.quantiles(readings.start_ms, n=20)[-1]
            median, most = statistics.median(readings.start_ms), max(readings.start_ms)
            print(f"{name:34}{median:9.1f}{p95:9.1f}{most:9.1f}")
    _aims(found)


def _rates(title: str, found: dict[str, Readings], of: Callable[[Readings], list[float]]) -> None:
    ours = of(found[OURS]) if OURS in found else []
    print(f"\n{title:34}{'median':>9} {'(least - most)':18}{'durable is':>11} {'times':18}")
    for name, readings in found.items():
        if rates := of(readings):
            share = _spread(_ratios(ours, rates), ".2f") if ours and name != OURS else ""
            print(f"{name:34}{_spread(rates, ',.0f'):28}{share:>30}")


def _costs(found: dict[str, Readings]) -> None:
    print(f"\n{'processor, us for each job run':34}{'worker':>9}{'servers':>9}{'both':>9}")
    for name, readings in found.items():
        if readings.worker_us:
            worker, server = statistics.median(readings.worker_us), statistics.median(readings.server_us)
            print(f"{name:34}{worker:9,.0f}{server:9,.0f}{worker + server:9,.0f}")


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _spread(figures: list[float], form: str) -> str:
    least, most = format(min(figures), form), format(max(figures), form)
    return f"{format(statistics.median(figures), form):>9} ({least} - {most})"


def _aims(found: dict[str, Readings]) -> None:
    print(f"\n{'aims':52}{'aim':>9}{'found':>9}")
    for what, one, other, aim in _AIMS:
        if one in found and other in found:
            ratio = statistics.median(_ratios(found[one].drain, found[other].drain))
            _aim(what, aim, ratio, ratio >= aim, ".2f")
    if OURS in found and _OLD in found:
        ratio = statistics.median(found[_OLD].server_us) / statistics.median(found[OURS].server_us)
        _aim(
            "PostgreSQL's work for a job beside old ones, at most",
            _WORK_AIM,
            ratio,
            ratio <= _WORK_AIM,
            ".2f",
        )
    if OURS in found:
        bulk, start = statistics.median(found[OURS].bulk), statistics.median(found[OURS].start_ms)
        _aim("durable jobs stored by the thousand, a second", _BULK_AIM, bulk, bulk >= _BULK_AIM, ",.0f")
        _aim("asked for until begun, durable, idle, ms", _START_AIM_MS, start, start < _START_AIM_MS, ".0f")


def _aim(what: str, aim: float, found: float, met: bool, form: str) -> None:
    print(f"{what:52}{format(aim, form):>9}{format(found, form):>9}  {'met' if met else 'MISSED'}")


def _file_system(folder: Path) -> str:
    """The kind of file system a folder lies on: on one in memory, waiting for the disk costs nothing."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    over = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(over, key=lambda mount: len(mount[0]))[1]
