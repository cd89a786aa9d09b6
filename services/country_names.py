"""Countries by name. `country_names.txt` is the iso3166.tab of the tz database (public domain)."""

from __future__ import annotations

from pathlib import Path

_LINES = (Path(__file__).parent / "country_names.txt").read_text(encoding="utf-8").splitlines()
COUNTRY_NAMES = dict(line.split("\t") for line in _LINES)


def country_name(code: str) -> str:
    """`Germany` for `DE`; a code we don't know is its own name."""
    return COUNTRY_NAMES.get(code, code)
