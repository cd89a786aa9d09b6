"""One opinion out of many: what `/health` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.health.monitor import Monitor, Status

_STALE_AFTER_SECONDS = 30.0


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    status: Status
    critical: bool
    since: datetime
    latency_ms: float | None
    detail: dict[str, Any] | None = None


class Health(msgspec.Struct, frozen=True):
    """`down`: a critical dependency is down, the shop can't do its work. `degraded`: something else
    is wrong, or the opinion is old. `age_seconds` is the age of the oldest look."""

    status: Status
    version: str
    time: datetime
    age_seconds: float
    checks: dict[str, Check]


def aggregate(monitors: Sequence[Monitor], release: str, *, with_details: bool) -> Health:
    checks = {
        monitor.probe.name: Check(
            monitor.status,
            monitor.probe.critical,
            monitor.since,
            monitor.latency_ms,
            monitor.detail if with_details else None,
        )
        for monitor in monitors
    }
    age_seconds = max(monitor.age_seconds for monitor in monitors)
    return Health(_overall(checks, age_seconds), release, datetime.now(UTC), round(age_seconds, 1), checks)


def _overall(checks: dict[str, Check], age_seconds: float) -> Status:
    if any(check.critical and check.status == "down" for check in checks.values()):
        return "down"
    if age_seconds > _STALE_AFTER_SECONDS or any(check.status != "ok" for check in checks.values()):
        return "degraded"
    return "ok"
