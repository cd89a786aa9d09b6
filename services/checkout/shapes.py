"""What checkout's API takes and gives, as types: the decoder and the OpenAPI document read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.decode import Input
from services.money import Money

Availability = Literal["sold_out", "low", "in_stock"]

Line = Annotated[str, Meta(min_length=1, max_length=200)]
OptionalLine = Annotated[str, Meta(max_length=200)]
# What an address looks like is judged by cart_details.py, in a sentence; the document only names it.
Email = Annotated[str, Meta(min_length=3, max_length=254, extra_json_schema={"format": "email"})]
# The length also keeps out a line feed at the end, which `$` would let pass.
Country = Annotated[
    str, Meta(pattern="^[A-Z]{2}$", min_length=2, max_length=2, description="ISO 3166-1, such as DE")
]
Quantity = Annotated[int, Meta(ge=0, le=999)]


class Price(Input, frozen=True):
    """An amount of money as callers give it."""

    amount: Annotated[int, Meta(ge=0, le=10**12, description="Minor units: 1999 is 19.99")]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", min_length=3, max_length=3)]


class Address(Input, frozen=True, omit_defaults=True):
    """Where an order goes."""

    name: Line
    line1: Line
    city: Line
    postal_code: Annotated[str, Meta(min_length=1, max_length=20)]
    country: Country
    line2: OptionalLine | None = None
    region: OptionalLine | None = None


class OpenCart(Input, frozen=True):
    """There is nothing to choose."""


class SetLine(Input, frozen=True):
    quantity: Annotated[Quantity, Meta(description="0 removes the line")]


class SetDiscount(Input, frozen=True):
    code: Annotated[str, Meta(min_length=1, max_length=40)]


class SetDetails(Input, frozen=True):
    email: Email
    shipping_address: Address
    shipping_method: Annotated[str, Meta(min_length=1, max_length=60)]


class ShippingQuery(Input, frozen=True):
    country: Annotated[Country | None, Meta(description="of the cart's address unless given")] = None


class Image(msgspec.Struct, frozen=True):
    url: str
    alt: str


class CartLine(msgspec.Struct, frozen=True):
    """`price` holds until `price_until`; reading the cart after that asks for it anew."""

    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    image: Image | None
    quantity: int
    price: Money
    total: Money
    availability: Availability
    price_until: datetime


class CartWarning(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the shopper should know before ordering. `price_changed` has the price before in `was`,
    and is told while the new one is quoted or until the line is set again; `out_of_stock`: fewer are
    left than the line wants; `not_sold`: the line doesn't count and has to go; `discount_ended`: the
    code takes nothing off now; `not_delivered`: the chosen way of shipping does not carry this cart
    there."""

    code: Literal["price_changed", "out_of_stock", "not_sold", "discount_ended", "not_delivered"]
    message: str
    sku: str | None = None
    was: Money | None = None


class Discount(msgspec.Struct, frozen=True):
    code: str
    percent: float
    amount: Money


class Shipping(msgspec.Struct, frozen=True):
    code: str
    name: str
    price: Money


class ShippingMethods(msgspec.Struct, frozen=True):
    items: list[Shipping]


class Countries(msgspec.Struct, frozen=True):
    """Where the shop delivers to, as ISO 3166-1 codes."""

    items: list[str]


class Tax(msgspec.Struct, frozen=True):
    """Contained in the total."""

    percent: float
    amount: Money


class Totals(msgspec.Struct, frozen=True):
    items: Money
    discount: Money
    shipping: Money | None
    tax: Money | None
    total: Money


class Cart(msgspec.Struct, frozen=True):
    """`discounts` has at most one. `shipping` and `tax` are null until the details say where to.
    `order_token` is set while an order lives that was made from this cart: the cart is then fixed."""

    id: str
    currency: str
    lines: list[CartLine]
    discounts: list[Discount]
    email: str | None
    shipping_address: Address | None
    shipping: Shipping | None
    tax: Tax | None
    totals: Totals
    warnings: list[CartWarning]
    order_token: str | None
    expires_at: datetime
