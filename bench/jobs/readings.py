"""How one contender does in one round."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from bench.jobs.reports import Reports
from bench.jobs.stand import Contender, Stand

JOBS_MIN, JOBS_MAX = 500, 60_000
_TRIAL_JOBS = 1_000
_WARM_SHARE = 5  # the first fifth of the jobs warms the worker up
_PACED_JOBS = 12


@dataclass(slots=True)
class Readings:
    """Of all rounds: jobs a second, the processor's microseconds that a job cost in worker and servers, and
    the milliseconds from "asked for" to "begun" of every paced job."""

    drain: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)
    one: list[float] = field(default_factory=list)
    bulk: list[float] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    start_ms: list[float] = field(default_factory=list)

    def forget_first(self) -> None:
        """Leaves out the round in which caches were cold and the number of jobs was a guess."""
        for each in fields(self):
            del getattr(self, each.name)[: _PACED_JOBS if each.name == "start_ms" else 1]


def take(place: Stand, contender: Contender, readings: Readings, seconds: float) -> None:
    """One round: stores jobs one by one, stores many, drains those, then runs a few on the idle worker."""
    place.empty(contender)
    if not contender.beside_history:
        readings.one.append(_rate(place.ask(contender, "one", seconds / 3)))
        place.empty(contender)
        if contender.module == "kiosk_durable":
            readings.inside.append(_rate(place.ask(contender, "inside", seconds / 3)))
            place.empty(contender)
    jobs = jobs_for(readings, seconds)
    stored = place.ask(contender, "bulk", jobs)
    if stored["bulk"]:
        readings.bulk.append(_rate(stored))
    _work(place, contender, jobs, readings)


def jobs_for(readings: Readings, seconds: float) -> int:
    """As many as the contender drains in about so many seconds, by its last round."""
    if not readings.drain:
        return _TRIAL_JOBS
    return round(min(max(readings.drain[-1] * seconds * 1.25, JOBS_MIN), JOBS_MAX))


def _work(place: Stand, contender: Contender, jobs: int, readings: Readings) -> None:
    """Has a new worker run all that is stored; then, as it idles, a few jobs one at a time."""
    place.settle_down(contender)
    jobs += 1  # every storing begins with one more
    warm = jobs // _WARM_SHARE
    with place.worker(contender, BENCH_WARM=str(warm), BENCH_JOBS=str(jobs)) as reports:
        first, server_before = reports.next(), place.server_cpu_seconds()
        last, server_after = reports.next(), place.server_cpu_seconds()
        readings.drain.append((jobs - warm) / (last["at"] - first["at"]))
        worker_cpu, server_cpu = last["cpu_seconds"] - first["cpu_seconds"], server_after - server_before
        readings.worker_us.append(worker_cpu * 1e6 / (jobs - warm))
        readings.server_us.append(server_cpu * 1e6 / (jobs - warm))
        if not contender.beside_history:
            readings.start_ms += _starts(place, contender, reports)


def _starts(place: Stand, contender: Contender, reports: Reports) -> list[float]:
    asked = place.ask(contender, "paced", _PACED_JOBS)["asked"]
    begun = {}
    for _ in range(1 + len(asked)):
        report = reports.next()
        begun[report["job"]] = report["started"]
    return [(begun[number] - when) * 1000 for number, when in enumerate(asked)]


def _rate(found: dict[str, float]) -> float:
    return found["jobs"] / found["seconds"]
