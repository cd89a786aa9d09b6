"""Numbers, times and durations as the dashboard says them. All times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup, escape

from services.jobs.backend import COUNT_MAX

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
UNKNOWN = "\N{EN DASH}"


def number(value: float) -> str:
    """`1,234`; up to one decimal where it matters."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def count(value: int | None) -> str:
    """A count that stopped at COUNT_MAX is `100,000+`; one that nobody knows is a dash."""
    if value is None:
        return UNKNOWN
    return f"{COUNT_MAX:,}+" if value >= COUNT_MAX else f"{value:,}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """`1 job`, `2 jobs`, `100,000+ jobs`."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def duration(seconds: float | None) -> str:
    """`12 ms`, `1.4 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`."""
    if seconds is None:
        return UNKNOWN
    return _small(seconds) if seconds < 9.95 else _large(round(seconds))


def _small(seconds: float) -> str:
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms".replace(".0 ", " ")
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def _large(whole: int) -> str:
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return _two(whole, 60, "min", 1, "s")
    if whole < _DAY:
        return _two(whole, 3600, "h", 60, "min")
    return _two(whole, 86_400, "d", 3600, "h")


def milliseconds(value: float | None) -> str:
    return duration(None if value is None else value / 1000)


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `40 s ago`, `in 5 min`, `3 h ago`, `6 d ago`, and a date beyond four weeks."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 2:
        return "now" if seconds < 0 else "just now"
    if abs(seconds) >= 28 * _DAY:
        return moment.astimezone(UTC).strftime("%-d %b %Y")
    for size, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s")):
        if abs(seconds) >= size:
            amount = f"{int(abs(seconds) // size)} {name}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return "just now"


def exact(moment: datetime) -> str:
    """`2026-05-12 14:05:09.120 UTC`"""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def when(moment: datetime | None, now: datetime) -> Markup:
    """A `<time>`: relative to read, exact in its title; the browser keeps it true."""
    if moment is None:
        return escape(UNKNOWN)
    stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        stamp, exact(moment), relative(moment, now)
    )


def shortened(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def breakable(text: str) -> Markup:
    """A dotted name that may break after a dot or underscore."""
    return escape(text).replace(".", Markup(".<wbr>")).replace("_", Markup("_<wbr>"))


def query(**parameters: object) -> str:
    """A query string without what is empty; begins with `?` unless nothing is left."""
    given = {name: _written(value) for name, value in parameters.items() if value not in (None, "", False)}
    return "?" + urlencode(given) if given else ""


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def waited(seconds: float | None) -> str:
    """How long the oldest job of a queue waits; an empty queue has none."""
    return (
        UNKNOWN if not seconds or seconds < 0.0005 else duration(seconds if seconds < 10 else round(seconds))
    )
