"""What the API says of stock, and takes for it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.decode import Input

Level = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Movement(msgspec.Struct, frozen=True):
    delta: int
    kind: Literal["initial", "adjustment", "sale", "return"]
    reason: str | None
    order_number: str | None
    created_at: datetime


class Stock(msgspec.Struct, frozen=True):
    """`level` is on hand, `reserved` held by unpaid orders; the newest 50 movements."""

    sku: str
    level: int
    reserved: int
    available: int
    movements: list[Movement]


class SetStock(Input, frozen=True):
    level: Level
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
