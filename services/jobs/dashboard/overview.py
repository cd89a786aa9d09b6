"""Both backends side by side: what is wrong, how many jobs are in which state, how it went lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from markupsafe import Markup
from starlette.responses import HTMLResponse

from services.decode import Nothing
from services.jobs.backend import BackendName, QueueState, State
from services.jobs.dashboard import charts
from services.jobs.dashboard.pulse import Half
from services.jobs.dashboard.rendering import html_page
from services.jobs.dashboard.troubles import STORES, WITHOUT
from services.jobs.dashboard.words import milliseconds, number, plural
from services.jobs.resources import Jobs
from services.jobs.staff.access import page
from services.jobs.staff.who import Who
from services.jobs.statistics.overview import Point, Window, overview
from services.operations import Call, Operation

_TITLES: dict[BackendName, str] = {"durable": "Durable", "fast": "Fast"}


@dataclass(frozen=True, slots=True)
class Span:
    key: Window
    name: str
    words: str
    mark: str  # how a moment on the axis is written


SPANS = (
    Span("1h", "1 hour", "the last hour", "%H:%M"),
    Span("24h", "24 hours", "the last 24 hours", "%H:%M"),
    Span("7d", "7 days", "the last 7 days", "%a %-d %b"),
)


class OverviewQuery(msgspec.Struct, frozen=True):
    span: str = "1h"


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour means, and a figure for the whole span."""

    name: str
    look: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    svg: Markup
    top: str
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Row:
    at: str
    done: str
    failed: str
    p50: str
    p95: str


@dataclass(frozen=True, slots=True)
class HalfShown:
    name: BackendName
    title: str
    store: str
    without: str
    workers: int
    away_since: datetime | None
    counts: dict[State, int]
    queues: Sequence[QueueState]
    charts: Sequence[Figure]
    marks: Sequence[str]
    rows: Sequence[Row]


async def show_overview(call: Call[Jobs, OverviewQuery, Nothing], _who: Who) -> HTMLResponse:
    jobs = call.resources
    span = next((one for one in SPANS if one.key == call.query.span), SPANS[0])
    standing = await jobs.pulse.standing(jobs)
    alive = [worker.backend for worker in standing.workers if worker.state == "alive"]
    halves = [
        _shown(half, (await overview(jobs.database, span.key, name)).points, span, alive.count(name))
        for name, half in standing.halves.items()
    ]
    return html_page(
        call.request, "overview.html", spans=SPANS, span=span, halves=halves, troubles=standing.troubles
    )


def _shown(half: Half, points: Sequence[Point], span: Span, workers: int) -> HalfShown:
    return HalfShown(
        half.name,
        _TITLES[half.name],
        STORES[half.name],
        WITHOUT[half.name],
        workers,
        half.away_since,
        half.counts,
        half.queues,
        figures_of(half.name, points, span),
        [points[place].at.strftime(span.mark) for place in (0, len(points) // 2, -1)],
        [_row(point, span) for point in reversed(points) if point.done or point.failed],
    )


def figures_of(name: str, points: Sequence[Point], span: Span) -> tuple[Figure, ...]:
    """Throughput, latency and failures of one backend."""
    done, failed = sum(point.done for point in points), sum(point.failed for point in points)
    worst = max((point.p95_ms for point in points if point.p95_ms is not None), default=None)
    usual = _middle([point.p50_ms for point in points if point.p50_ms is not None])
    at = [point.at.strftime("%a %H:%M" if span.key != "1h" else "%H:%M") for point in points]
    of = f"of {name} jobs in {span.words}"
    flow = charts.bars(
        f"{name}-throughput",
        f"Throughput {of}",
        f"{plural(done, 'job')} succeeded.",
        [charts.Series("succeeded", [point.done for point in points], "done")],
        [f"{when}: {point.done:,} succeeded" for when, point in zip(at, points, strict=True)],
    )
    speed = charts.lines(
        f"{name}-latency",
        f"How long jobs ran, {of}",
        f"Half of them within {milliseconds(usual)}; at worst, 95 of 100 within {milliseconds(worst)}.",
        [
            charts.Series("95 of 100 within", [point.p95_ms for point in points], "p95"),
            charts.Series("median", [point.p50_ms for point in points], "p50"),
        ],
        [
            f"{when}: median {milliseconds(point.p50_ms)}, 95 of 100 within {milliseconds(point.p95_ms)}"
            for when, point in zip(at, points, strict=True)
        ],
    )
    falls = charts.bars(
        f"{name}-failures",
        f"Failed tries {of}",
        f"{plural(failed, 'try', 'tries')} failed.",
        [charts.Series("failed", [point.failed for point in points], "failed")],
        [f"{when}: {point.failed:,} failed" for when, point in zip(at, points, strict=True)],
    )
    return (
        Figure("Throughput", flow.svg, number(flow.top), (Key("succeeded", "done", f"{done:,}"),)),
        Figure(
            "Latency",
            speed.svg,
            milliseconds(speed.top),
            (Key("median", "p50", milliseconds(usual)), Key("95 of 100", "p95", f"≤ {milliseconds(worst)}")),
        ),
        Figure("Failures", falls.svg, number(falls.top), (Key("failed tries", "failed", f"{failed:,}"),)),
    )


def _middle(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _row(point: Point, span: Span) -> Row:
    at = point.at.strftime("%H:%M" if span.key == "1h" else "%a %-d %b, %H:%M")
    return Row(
        at, f"{point.done:,}", f"{point.failed:,}", milliseconds(point.p50_ms), milliseconds(point.p95_ms)
    )


OPERATIONS: list[Operation] = [page("/jobs", show_overview, "Both backends at a glance", query=OverviewQuery)]
