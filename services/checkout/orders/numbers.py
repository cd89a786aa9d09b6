"""Order numbers as people and paths write them."""

from __future__ import annotations

_DIGITS_MAX = 18  # all of them fit PostgreSQL's bigint, and Python refuses to read thousands


def order_number(given: str) -> int | None:
    """None for what can be no order's number."""
    if given.isascii() and given.isdigit() and len(given) <= _DIGITS_MAX:
        return int(given)
    return None
