"""One opinion out of many: what `/health` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.health.monitor import Monitor, Status


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """`latency_p95_ms` is that of the last hundred looks. `error` is the class of the error that the last
    look ended with; it and `detail` are for the operator."""

    status: Status
    critical: bool
    since: datetime
    latency_ms: float | None
    latency_p95_ms: float | None
    last_ok: datetime | None
    age_seconds: float
    error: str | None = None
    detail: dict[str, Any] | None = None


class Health(msgspec.Struct, frozen=True):
    """`down`: a critical dependency is down, the shop can't do its work. `degraded`: something else
    is wrong, or an opinion is old. `age_seconds` is the age of the oldest look among those that are made
    most often; each check tells its own."""

    status: Status
    version: str
    time: datetime
    age_seconds: float
    checks: dict[str, Check]


def aggregate(monitors: Sequence[Monitor], release: str, *, with_details: bool) -> Health:
    checks = {monitor.probe.name: _check(monitor, with_details) for monitor in monitors}
    often = min(monitor.interval_seconds for monitor in monitors)
    age = max(monitor.age_seconds for monitor in monitors if monitor.interval_seconds == often)
    stale = any(monitor.is_stale for monitor in monitors)
    return Health(_overall(checks, stale), release, datetime.now(UTC), round(age, 1), checks)


def _check(monitor: Monitor, with_details: bool) -> Check:
    return Check(
        monitor.status,
        monitor.probe.critical,
        monitor.since,
        monitor.latency_ms,
        monitor.latency_p95_ms,
        monitor.last_ok,
        round(monitor.age_seconds, 1),
        monitor.error if with_details else None,
        monitor.detail if with_details else None,
    )


def _overall(checks: dict[str, Check], stale: bool) -> Status:
    if any(check.critical and check.status == "down" for check in checks.values()):
        return "down"
    if stale or any(check.status != "ok" for check in checks.values()):
        return "degraded"
    return "ok"
