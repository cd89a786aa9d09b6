"""What the database knows of a cart, all of it in one round trip."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.checkout.shapes import Address, Image, Totals
from services.database import Connection
from services.errors import NotFound
from services.money import Money
from services.queries import load_queries

_CART_FACTS = load_queries(__file__, "facts.sql")["cart_facts"]


class LineFacts(msgspec.Struct, frozen=True):
    """`was`: the price of the quote before, where it was another. `available`: units not yet promised
    to others. `stale`: the quote's time is over."""

    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    image: Image | None
    quantity: int
    price: Money
    total: Money
    was: Money | None
    available: int
    sold: bool
    quoted_until: datetime
    stale: bool


class CartFacts(msgspec.Struct, frozen=True):
    """`discount_needs` is the least value of goods for the code, null for one that can't be used at
    this time whatever is in the cart. `tax_percent` is null where we don't deliver to."""

    id: str
    currency: str
    email: str | None
    shipping_address: Address | None
    country: str | None
    shipping_method: str | None
    shipping_name: str | None
    discount_code: str | None
    discount_holds: bool | None
    discount_percent: float | None
    discount_needs: Money | None
    tax_percent: float | None
    totals: Totals
    order_token: str | None
    expires_at: datetime
    lines: list[LineFacts]

    @property
    def stale_skus(self) -> list[str]:
        """What to ask catalog about; nothing once it is ordered."""
        return [] if self.order_token else [line.sku for line in self.lines if line.stale]


async def cart_facts(connection: Connection, cart_id: str) -> CartFacts:
    """Raises NotFound for a cart that never was or has expired; one round trip."""
    found = await connection.fetchval(_CART_FACTS, cart_id)
    if found is None:
        raise NotFound("There is no such cart; it may have expired")
    return msgspec.json.decode(found, type=CartFacts)
