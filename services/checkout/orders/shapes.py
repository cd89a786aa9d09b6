"""What the API says of orders and parcels, and takes for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.checkout.payments.shapes import Payment, Refund
from services.checkout.shapes import Address, Discount, Image, OptionalLine, Price, Shipping, Tax, Totals
from services.decode import Input
from services.money import Money

OrderStatus = Literal[
    "pending_payment",
    "paid",
    "fulfilled",
    "cancelled",
    "expired",
    "refunded",
    "partially_refunded",
    "refund_due",
]


class PlaceOrder(Input, frozen=True):
    """All optional. `expected_total` is what the shopper saw: another total is refused."""

    expected_total: Price | None = None


class PlacedOrder(msgspec.Struct, frozen=True):
    token: str
    number: str
    status: OrderStatus
    total: Money
    payment: Payment


class OrderLine(msgspec.Struct, frozen=True):
    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    image: Image | None
    quantity: int
    fulfilled: int
    price: Money
    total: Money


class ParcelLine(Input, frozen=True):
    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=999)]


class Fulfilment(msgspec.Struct, frozen=True):
    """A parcel that has left."""

    id: str
    lines: list[ParcelLine]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    created_at: datetime


class Order(msgspec.Struct, frozen=True):
    """`refunded` counts refunds asked for or done. Unpaid, it holds its stock until `reserved_until`."""

    token: str
    number: str
    status: OrderStatus
    email: str
    shipping_address: Address
    shipping: Shipping
    discounts: list[Discount]
    tax: Tax
    totals: Totals
    total: Money
    refunded: Money
    lines: list[OrderLine]
    payment: Payment
    fulfilments: list[Fulfilment]
    refunds: list[Refund]
    can_cancel: bool
    created_at: datetime
    reserved_until: datetime
    paid_at: datetime | None


class OrderSummary(msgspec.Struct, frozen=True):
    number: str
    status: OrderStatus
    email: str
    total: Money
    refunded: Money
    items: int
    created_at: datetime


class OrderPage(msgspec.Struct, frozen=True):
    items: list[OrderSummary]
    next_cursor: str | None


class OrdersQuery(Input, frozen=True):
    status: OrderStatus | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 24
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class SetFulfilment(Input, frozen=True):
    """Without `lines`: everything that has not left yet."""

    lines: Annotated[list[ParcelLine], Meta(min_length=1, max_length=100)] | None = None
    carrier: OptionalLine | None = None
    tracking_number: OptionalLine | None = None
    tracking_url: Annotated[str, Meta(max_length=500, pattern=r"^https?://\S+(?!\n)$")] | None = None
