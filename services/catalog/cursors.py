"""Keyset cursors: where the page before ended, as an opaque string.

A cursor holds its sort, so one used with another sort is refused rather than misread.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from services.errors import FieldError, Invalid

BigInt = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
SmallInt = Annotated[int, Meta(ge=0, le=1)]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row of a page: its value in the sort and its id; `tier` for relevance only."""

    sort: str
    moment: Annotated[datetime, Meta(tz=True)] | None = None
    number: BigInt | None = None
    text: str | None = None
    tier: SmallInt | None = None
    id: BigInt = 0

    def encode(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


def decode_cursor(given: str, sort: str) -> Cursor:
    """Raises Invalid for anything that `Cursor.encode` did not make for this sort."""
    try:
        raw = base64.b64decode(
            given.encode("ascii") + b"=" * (-len(given) % 4), altchars=b"-_", validate=True
        )
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, ValueError):
        raise Invalid([FieldError("cursor", "is not a cursor of this list")]) from None
    # `encode` writes UTC; in another zone the first or last days of the calendar have no time in UTC.
    in_utc = cursor.moment is None or cursor.moment.utcoffset() == timedelta(0)
    if cursor.sort != sort or cursor.encode() != given or "\x00" in (cursor.text or "") or not in_utc:
        raise Invalid([FieldError("cursor", f"was made for another list than sort={sort}")])
    return cursor
