"""Rows of words as an aligned table."""

from __future__ import annotations

from collections.abc import Sequence

_GAP = "  "


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line per row, each column as wide as its widest word; the last one as it comes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
