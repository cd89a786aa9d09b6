"""The shopkeeper's terms as types: discount codes, ways to ship, tax rates.

PUT sets a thing as a whole, new or not, and answers it; DELETE answers 204, or 404 where there was
nothing. A percentage has two decimals at most.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from services.checkout.shapes import Country, Line, Price
from services.decode import Input

Moment = Annotated[datetime, Meta(tz=True)]


class SetDiscountTerms(Input, frozen=True):
    """A percentage off the goods, for carts worth at least `minimum`, from `starts_at` until before
    `ends_at`, for `uses_max` orders. How often the code was used is kept."""

    percent: Annotated[float, Meta(ge=0.01, le=100)]
    minimum: Price | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    uses_max: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None


class DiscountTerms(msgspec.Struct, frozen=True):
    """`uses` counts the orders that live."""

    code: str
    percent: float
    minimum: Price | None
    starts_at: datetime | None
    ends_at: datetime | None
    uses_max: int | None
    uses: int


class DiscountsQuery(Input, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 100
    cursor: Annotated[str, Meta(max_length=40, description="`next_cursor` of the page before")] | None = None


class DiscountTermsPage(msgspec.Struct, frozen=True):
    """By code."""

    items: list[DiscountTerms]
    next_cursor: str | None


class ShippingRate(Input, frozen=True):
    """What a parcel of up to this weight costs to that country."""

    country: Country
    weight_max_grams: Annotated[int, Meta(ge=1, le=2_000_000_000)]
    price: Price


class SetShippingTerms(Input, frozen=True):
    """`position` orders the methods as shoppers see them. A cart pays the rate of the smallest weight
    that holds it; without such a rate the method does not carry it."""

    name: Line
    rates: Annotated[list[ShippingRate], Meta(max_length=2000)]
    position: Annotated[int, Meta(ge=0, le=10_000)] = 0


class ShippingTerms(msgspec.Struct, frozen=True):
    code: str
    name: str
    position: int
    rates: list[ShippingRate]


class ShippingTermsList(msgspec.Struct, frozen=True):
    items: list[ShippingTerms]


class SetTaxRate(Input, frozen=True):
    """The tax within every price, and the shop's word that it delivers there."""

    percent: Annotated[float, Meta(ge=0, lt=100)]


class TaxRate(msgspec.Struct, frozen=True):
    country: str
    percent: float


class TaxRates(msgspec.Struct, frozen=True):
    items: list[TaxRate]
