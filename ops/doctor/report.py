"""What the doctor prints: a line per check, what it says, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.console import bold
from ops.doctor.advice import advice_for
from ops.doctor.place import Place

_MARKS = {"ok": "✓", "degraded": "!", "down": "✗"}


class SeenCheck(msgspec.Struct, frozen=True):
    """One check as /health tells it; `detail` only to whoever has the key."""

    status: str
    since: datetime
    critical: bool = False
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    last_ok: datetime | None = None
    detail: dict[str, Any] | None = None


class Seen(msgspec.Struct, frozen=True):
    """/health, as any release tells it."""

    status: str
    version: str
    age_seconds: float
    checks: dict[str, SeenCheck]


def report(seen: Seen, place: Place) -> Iterator[str]:
    """Lines to print."""
    now = datetime.now(UTC)
    yield f"  {bold(f'{place.name}: {seen.status}')}, release {seen.version}, {place.url}"
    if all(check.detail is None for check in seen.checks.values()):
        yield "  Details are hidden: ADMIN_API_KEY is not set, or not the store's."
    yield ""
    width = max(map(len, seen.checks))
    for name, check in seen.checks.items():
        yield from _lines(name.ljust(width), name, check, place, now)
    if seen.status != "ok" and all(check.status == "ok" for check in seen.checks.values()):
        yield f"  ! the opinion is old ({seen.age_seconds:g} s)"
        yield f"    → the service health is stuck or overloaded: read {place.log('health')}"


def _lines(label: str, name: str, check: SeenCheck, place: Place, now: datetime) -> Iterator[str]:
    figures = [_took(check), _figure(check.detail or {})]
    if check.status != "ok":
        figures.insert(0, f"{check.status} for {_length((now - check.since).total_seconds())}")
    told = ", ".join(figure for figure in figures if figure)
    yield f"  {_MARKS.get(check.status, '?')} {label}  {told}".rstrip()
    for note in (check.detail or {}).get("notes", []):
        yield f"      {_plain(note)}"
    if check.status == "ok":
        return
    said = said_by(check)
    for cause in said:
        yield f"      {_plain(cause)}"
    for advice in advice_for(name, said):
        yield f"    → {place.filled_in(advice)}"


def said_by(check: SeenCheck) -> list[str]:
    """Every reason that a check gives, an error last."""
    detail = check.detail or {}
    told = [str(reason) for reason in detail.get("reasons", [])]
    if detail.get("error"):
        told.append(str(detail["error"]))
    return told


def _took(check: SeenCheck) -> str:
    if check.latency_ms is None:
        return ""
    slow = "" if check.latency_p95_ms is None else f" (95 %: {check.latency_p95_ms:.1f})"
    return f"{check.latency_ms:.1f} ms{slow}"


def _figure(detail: dict[str, Any]) -> str:
    """The one fact that tells most of a check that is well."""
    if "replicas" in detail:
        releases = sorted({str(one.get("release", "?")) for one in detail["replicas"]})
        return f"{len(detail['replicas'])} of release {', '.join(releases)}" if releases else "no replicas"
    if "depth" in detail:
        depth = "nobody knows how many" if detail["depth"] is None else detail["depth"]
        return f"{depth} wait, {detail.get('workers')} of {detail.get('workers_expected', '?')} workers"
    if "newest" in detail:
        return ", ".join(f"{schema} {version}" for schema, version in detail["newest"].items())
    if "disks" in detail:
        return ", ".join(
            f"{path} {one['free_bytes_percent']:g} % free" for path, one in detail["disks"].items()
        )
    if "days_left" in detail:
        return f"{detail['days_left']:.0f} days left"
    return str(detail.get("version", ""))


def _length(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _plain(text: object) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))
