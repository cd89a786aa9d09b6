"""Names of attributes, for people."""

from __future__ import annotations


def attribute_label(name: str) -> str:
    """`seat_height` is `Seat height`."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
