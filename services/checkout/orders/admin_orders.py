"""The shopkeeper's list of orders: newest first, by keyset."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec
from asyncpg import Record
from msgspec import Meta

from services.checkout.orders.shapes import OrderPage, OrdersQuery, OrderSummary
from services.checkout.resources import Checkout
from services.database import connection
from services.errors import FieldError, Invalid
from services.money import Money
from services.queries import load_queries

_ORDER_PAGE = load_queries(__file__, "admin_orders.sql")["order_page"]
_NUMBER_MAX = 2**63 - 1


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The number of the last order of a page. It fits any filter: numbers are the one order."""

    list: Annotated[str, Meta(pattern=r"^orders(?!\n)$")]
    number: Annotated[int, Meta(ge=1, le=_NUMBER_MAX)]

    def encode(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


async def list_orders(checkout: Checkout, query: OrdersQuery) -> OrderPage:
    """One page, and the cursor of the next; `email` matches whole, whatever its case. Raises Invalid
    (cursor), DatabaseUnavailable; one round trip."""
    before = _decode(query.cursor).number if query.cursor is not None else _NUMBER_MAX
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        rows = await raw.fetch(_ORDER_PAGE, query.status, query.email, before, query.limit + 1)
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    next_cursor = _Cursor("orders", shown[-1]["number"]).encode() if more else None
    return OrderPage([_summary(row) for row in shown], next_cursor)


def _decode(given: str) -> _Cursor:
    try:
        raw = base64.b64decode(
            given.encode("ascii") + b"=" * (-len(given) % 4), altchars=b"-_", validate=True
        )
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError, ValueError):
        cursor = None
    if cursor is None or cursor.encode() != given:
        raise Invalid([FieldError("cursor", "is not a cursor of this list")])
    return cursor


def _summary(row: Record) -> OrderSummary:
    return OrderSummary(
        str(row["number"]),
        row["status"],
        row["email"],
        Money(row["total_minor"], row["currency"]),
        Money(row["refunded_minor"], row["currency"]),
        row["items"],
        row["created_at"],
    )
