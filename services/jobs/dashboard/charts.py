"""Figures over time as SVG, made on the server: classes and attributes only, so the page's policy needs
to allow no inline style. Stretched to their frame's width; what is written stands in HTML around them.

A chart is an image with a title and a description; each moment has a title of its own, which browsers show
where the pointer is. The figures themselves are in the table that `overview.html` puts beside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

STEP, HEIGHT = 10, 100  # of one moment, in the drawing's own units


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures. None: not known, so nothing is drawn there."""

    name: str
    values: Sequence[float | None]
    look: str  # a class of charts.css: `done`, `failed`, `p50`, `p95`


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and the figure at its upper edge."""

    svg: Markup
    top: float


def bars(key: str, title: str, description: str, series: Sequence[Series], moments: Sequence[str]) -> Chart:
    """Columns, those of several series on top of each other. `key` is unique in the page, `moments` are
    what is said of each column."""
    totals = [sum(one.values[place] or 0 for one in series) for place in range(len(moments))]
    top = round_up(max(totals, default=0))
    drawn = []
    for place, moment in enumerate(moments):
        floor, column = 0.0, []
        for one in series:
            value = one.values[place] or 0
            if value > 0:
                # What is there can be seen, however small beside the rest.
                height = max(1.5, value / top * HEIGHT)
                column.append(
                    Markup('<rect class="bar bar-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        one.look, place * STEP + 1, _short(HEIGHT - floor - height), STEP - 2, _short(height)
                    )
                )
                floor += height
        drawn.append(_moment(place, moment, Markup("").join(column)))
    return Chart(_svg(key, title, description, len(moments), Markup("").join(drawn)), top)


def lines(key: str, title: str, description: str, series: Sequence[Series], moments: Sequence[str]) -> Chart:
    """Lines that break where nothing is known; a lone figure is a short dash."""
    known = [value for one in series for value in one.values if value is not None]
    top = round_up(max(known, default=0))
    paths = Markup("").join(
        Markup('<path class="line line-{}" d="{}"/>').format(one.look, _path(one.values, top))
        for one in series
        if any(value is not None for value in one.values)
    )
    hits = Markup("").join(_moment(place, moment, Markup("")) for place, moment in enumerate(moments))
    return Chart(_svg(key, title, description, len(moments), paths + hits), top)


def _moment(place: int, title: str, inner: Markup) -> Markup:
    hit = Markup('<rect class="hit" x="{}" y="0" width="{}" height="{}"/>').format(place * STEP, STEP, HEIGHT)
    return Markup('<g class="moment"><title>{}</title>{}{}</g>').format(title, hit, inner)


def _path(values: Sequence[float | None], top: float) -> str:
    """`M5 40L15 38` for each run of known figures."""
    pieces: list[str] = []
    pen_down = False
    for place, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        x, y = place * STEP + STEP / 2, HEIGHT - value / top * HEIGHT
        following = values[place + 1] if place + 1 < len(values) else None
        if pen_down:
            pieces.append(f"L{_short(x)} {_short(y)}")
        elif following is None:
            pieces.append(f"M{_short(x - STEP / 2)} {_short(y)}h{STEP}")
        else:
            pieces.append(f"M{_short(x)} {_short(y)}")
        pen_down = True
    return "".join(pieces)


def _svg(key: str, title: str, description: str, moments: int, inner: Markup) -> Markup:
    width = max(1, moments) * STEP
    grid = Markup("").join(
        Markup('<path class="rule" d="M0 {}H{}"/>').format(y, width) for y in (0, HEIGHT // 2, HEIGHT)
    )
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-labelledby="{}-title {}-desc"><title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
        "{}{}</svg>"
    ).format(width, HEIGHT, key, key, key, title, key, description, grid, inner)


def round_up(value: float) -> float:
    """The next 1, 2, 3, 5 or 8 times a power of ten, at least 1: the scale's upper edge."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 5, 8, 10) if step * power >= value * 0.9999999)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
