"""What the probe saw: the same struct while it runs and at its end, one line of JSON each."""

from __future__ import annotations

import msgspec

FAILURES_SHOWN = 20


class Failure(msgspec.Struct, frozen=True):
    """One answer that a shopper would have missed. `at` is UTC (RFC 3339)."""

    at: str
    group: str
    request: str
    connection: str  # new or kept
    why: str

    @property
    def words(self) -> str:
        return f"{self.at} {self.request} on a {self.connection} connection: {self.why}"


class ProbeReport(msgspec.Struct, frozen=True):
    """`probed` counts finished requests, `failed` those among them without a whole and sound answer,
    `limited` those answered 429. `releases` is how often each release answered, by group of paths; `final`
    marks the last report. Times are milliseconds; None before the first answer."""

    probed: int = 0
    failed: int = 0
    limited: int = 0
    seconds: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    failures: list[Failure] = []
    releases: dict[str, dict[str, int]] = {}
    final: bool = False

    @property
    def words(self) -> str:
        """One line for the operator."""
        said = [f"{self.probed} requests in {self.seconds:.0f} s", f"{self.failed} failed"]
        said += [f"{self.limited} limited (429)"] if self.limited else []
        said += [f"p99 {self.p99_ms:.0f} ms"] if self.p99_ms is not None else []
        return ", ".join(said)


def verdict(report: ProbeReport, failures_max: int) -> str | None:
    """Why the release may not stay as the probe saw it; None when it may."""
    if report.failed <= failures_max:
        return None
    first = f": {report.failures[0].words}" if report.failures else ""
    return f"the probe saw {report.failed} of {report.probed} requests fail{first}"
