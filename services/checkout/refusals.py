"""What the SQL functions of checkout refuse, in the shop's language: SQLSTATE KIOSK carries the
problem's slug as its message and the problem's facts, as JSON, in its detail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import msgspec

from services.checkout.errors import (
    CartAlreadyOrdered,
    CartEmpty,
    CartIncomplete,
    DiscountEnded,
    InFlight,
    KeyReused,
    OutOfStock,
    PricesExpired,
    StockBusy,
    TooManyOrders,
    TotalChanged,
)
from services.errors import Limited, NotFound, ShopError
from services.limits.limiter import count_outcome, limited

_SQLSTATE = "KIOSK"
_BY_SLUG: dict[str, type[ShopError]] = {
    error.slug: error
    for error in (
        CartAlreadyOrdered,
        CartEmpty,
        CartIncomplete,
        DiscountEnded,
        NotFound,
        OutOfStock,
        PricesExpired,
        TotalChanged,
    )
}


@contextmanager
def refusals() -> Iterator[None]:
    """Raises the shop's error for what a statement refused. A lock that was not to be had in
    DATABASE_LOCK_TIMEOUT_SECONDS is InFlight when the key was what it waited for, else StockBusy."""
    try:
        yield
    except asyncpg.LockNotAvailableError as error:
        if "idempotency_keys" in (error.context or ""):
            raise InFlight(retry_after_seconds=1) from error
        raise StockBusy() from error
    except asyncpg.PostgresError as error:
        if error.sqlstate != _SQLSTATE:
            raise
        raise _refusal(str(error.args[0]), error.detail or "{}") from error


def _refusal(slug: str, detail: str) -> ShopError:
    facts: dict[str, Any] = msgspec.json.decode(detail)
    if slug == Limited.slug:
        count_outcome(facts["rule"], "refused")
        return limited(TooManyOrders(), **facts)
    return KeyReused() if slug == KeyReused.slug else _BY_SLUG[slug](None, **facts)
