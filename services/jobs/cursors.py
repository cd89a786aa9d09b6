"""Keyset cursors of the jobs' lists: where the page before ended, as an opaque string."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import msgspec

from services.errors import FieldError, Invalid


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row's place in the order of `list`: its time, and what breaks ties. A cursor of one list is
    refused by another."""

    list: str
    at: datetime
    key: str

    def encode(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def decode_cursor(given: str, *lists: str) -> Cursor:
    """A cursor of one of these lists. Raises Invalid."""
    try:
        raw = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise _refused() from None
    # They are written in UTC; in another zone the calendar's first and last days can't be asked for.
    if cursor.list not in lists or cursor.at.utcoffset() != timedelta(0) or "\x00" in cursor.key:
        raise _refused()
    return cursor


def _refused() -> Invalid:
    return Invalid([FieldError("cursor", "is not a cursor of this list")])
