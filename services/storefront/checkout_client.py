"""What the storefront asks of checkout: its own view of the API's shapes, and one call for each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from services.internal_client import InternalClient
from services.money import Money
from services.storefront.catalog_client import Availability, Image

# The gateway may take three seconds of it, and a queue for the last units one more.
_ORDER_TIMEOUT_SECONDS = 6.0

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


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None
    region: str | None = None


class Details(msgspec.Struct, frozen=True):
    """Who buys, and where it goes."""

    email: str
    shipping_address: Address
    shipping_method: str


class Line(msgspec.Struct, frozen=True):
    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    image: Image | None
    quantity: int
    price: Money
    total: Money


class CartLine(Line, frozen=True):
    availability: Availability


class CartWarning(msgspec.Struct, frozen=True):
    """`was`: the price before, of a `price_changed`."""

    code: str
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


class Tax(msgspec.Struct, frozen=True):
    percent: float
    amount: Money


class Totals(msgspec.Struct, frozen=True):
    items: Money
    discount: Money
    shipping: Money | None
    tax: Money | None
    total: Money


class Cart(msgspec.Struct, frozen=True):
    """`order_token` is of the order that was made from it, while that order lives."""

    id: str
    lines: list[CartLine]
    discounts: list[Discount]
    email: str | None
    shipping_address: Address | None
    shipping: Shipping | None
    tax: Tax | None
    totals: Totals
    warnings: list[CartWarning]
    order_token: str | None

    @property
    def article_count(self) -> int:
        return sum(line.quantity for line in self.lines)

    def quantity_of(self, sku: str) -> int:
        return next((line.quantity for line in self.lines if line.sku == sku), 0)

    def title_of(self, sku: str | None) -> str:
        return next((line.title for line in self.lines if line.sku == sku), sku or "")


class Payment(msgspec.Struct, frozen=True):
    """What the browser needs to pay the gateway; ids are null while it is `preparing`."""

    provider: str
    state: Literal["preparing", "ready", "requires_action", "settled", "failed"]
    id: str | None
    client_secret: str | None
    publishable_key: str
    api_base: str
    message: str | None


class PlacedOrder(msgspec.Struct, frozen=True):
    """Not a new one when its key was used before; `status` is that of this moment."""

    token: str
    status: OrderStatus

    @property
    def gave_back_the_cart(self) -> bool:
        return self.status in ("cancelled", "expired")


class OrderLine(Line, frozen=True):
    fulfilled: int


class ParcelLine(msgspec.Struct, frozen=True):
    sku: str
    quantity: int


class Parcel(msgspec.Struct, frozen=True):
    lines: list[ParcelLine]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    created_at: datetime


class Refund(msgspec.Struct, frozen=True):
    amount: Money
    state: Literal["pending", "succeeded", "failed"]
    created_at: datetime


class Order(msgspec.Struct, frozen=True):
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
    fulfilments: list[Parcel]
    refunds: list[Refund]
    can_cancel: bool
    created_at: datetime
    reserved_until: datetime
    paid_at: datetime | None  # none for a payment that came too late

    @property
    def is_unpaid(self) -> bool:
        return self.status == "pending_payment"

    @property
    def is_refund_under_way(self) -> bool:
        return any(refund.state == "pending" for refund in self.refunds)

    def title_of(self, sku: str) -> str:
        return next((line.title for line in self.lines if line.sku == sku), sku)


class Countries(msgspec.Struct, frozen=True):
    items: list[str]


class CheckoutClient:
    """Every call raises UpstreamUnavailable when checkout is away or too slow, and UpstreamLimited; those on
    a cart or an order NotFound; those that change something UpstreamConflict."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def create_cart(self) -> Cart:
        return await self._client.send("POST", "/api/checkout/carts", Cart)

    async def cart(self, cart_id: str) -> Cart:
        return await self._client.get(_cart(cart_id), Cart)

    async def set_line(self, cart_id: str, sku: str, quantity: int) -> Cart:
        """0 removes the line. Raises Invalid."""
        path = _cart(cart_id, "/lines/" + quote(sku, safe=""))
        return await self._client.send("PUT", path, Cart, {"quantity": quantity})

    async def set_discount(self, cart_id: str, code: str) -> Cart:
        """Raises Invalid for a code that there is not."""
        return await self._client.send("PUT", _cart(cart_id, "/discount"), Cart, {"code": code})

    async def remove_discount(self, cart_id: str) -> Cart:
        return await self._client.send("DELETE", _cart(cart_id, "/discount"), Cart)

    async def set_details(self, cart_id: str, details: Details) -> Cart:
        """Raises Invalid with every wrong field, such as `shipping_address.city`."""
        return await self._client.send("PUT", _cart(cart_id, "/details"), Cart, details)

    async def shipping_methods(self, cart_id: str, country: str) -> list[Shipping]:
        """What carries this cart to `country`. Raises Invalid where the shop does not deliver."""
        path = _cart(cart_id, "/shipping-methods")
        return (await self._client.get(path, ShippingMethods, {"country": country})).items

    async def countries(self) -> list[str]:
        """Where the shop delivers to, as ISO 3166-1 codes."""
        return (await self._client.get("/api/checkout/countries", Countries)).items

    async def place_order(self, cart_id: str, key: str, expected_total: Money) -> PlacedOrder:
        """Orders the cart. The same `key` again answers the same order. Raises Invalid when the key
        belongs to another request."""
        return await self._client.send(
            "POST",
            _cart(cart_id, "/order"),
            PlacedOrder,
            {"expected_total": expected_total},
            {"Idempotency-Key": key},
            timeout_seconds=_ORDER_TIMEOUT_SECONDS,
        )

    async def order(self, token: str) -> Order:
        return await self._client.get(_order(token), Order)

    async def cancel_order(self, token: str) -> Order:
        return await self._client.send(
            "POST", _order(token, "/cancel"), Order, timeout_seconds=_ORDER_TIMEOUT_SECONDS
        )


def _cart(cart_id: str, rest: str = "") -> str:
    return f"/api/checkout/carts/{quote(cart_id, safe='')}{rest}"


def _order(token: str, rest: str = "") -> str:
    return f"/api/checkout/orders/{quote(token, safe='')}{rest}"
