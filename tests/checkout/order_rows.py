"""Orders as they stand in the tables after the buying, for tests of what comes then."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

Owner: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 Analytical Way",
    "city": "Köln",
    "postal_code": "50667",
    "country": "DE",
}
PRICE_MINOR, SHIPPING_MINOR = 1000, 490


@dataclass(frozen=True)
class OrderRow:
    id: uuid.UUID
    number: str
    token: str
    total_minor: int


async def insert_order(
    owner: Owner,
    lines: Mapping[str, int] | None = None,
    *,
    status: str = "paid",
    email: str = "ada@example.com",
    address: Mapping[str, str] = ADDRESS,
    discount_minor: int = 0,
) -> OrderRow:
    """An order of `lines` (quantities by SKU, each for 10.00), with its payment attempt; paid for
    unless its status says otherwise."""
    wanted = {"LAMP": 2, "MUG": 1} if lines is None else lines
    items_minor = sum(wanted.values()) * PRICE_MINOR
    total_minor = items_minor - discount_minor + SHIPPING_MINOR
    paid = status not in {"pending_payment", "cancelled", "expired"}
    order_id, token = uuid.uuid4(), secrets.token_urlsafe(24)
    number = await owner.fetchval(
        """INSERT INTO checkout.orders (id, token, cart_id, status, stock, email, shipping_address, country,
             shipping_method, shipping_method_name, discount_code, currency, items_minor, discount_minor,
             shipping_minor, tax_minor, rate_basis_points, total_minor, captured_minor, reserved_until,
             paid_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'DE', 'standard', 'Standard', $8, 'EUR', $9, $10, $11,
                   round($12::bigint * 19 / 119.0), 1900, $12, $13, now(), CASE WHEN $14 THEN now() END)
           RETURNING number""",
        order_id,
        token,
        uuid.uuid4().hex,
        status,
        "taken" if paid else "released",
        email,
        json.dumps(address),
        "SUMMER" if discount_minor else None,
        items_minor,
        discount_minor,
        SHIPPING_MINOR,
        total_minor,
        total_minor if paid else 0,
        paid,
    )
    await owner.executemany(
        """INSERT INTO checkout.order_lines
             (order_id, sku, position, quantity, price_minor, slug, title, attributes)
           VALUES ($1, $2, $3, $4, $5, lower($2), $2 || ' <of> brass', '{"seat_height": "45 cm"}')""",
        [
            (order_id, sku, position, quantity, PRICE_MINOR)
            for position, (sku, quantity) in enumerate(wanted.items(), 1)
        ],
    )
    await owner.execute(
        """INSERT INTO checkout.payment_attempts (id, order_id, provider, state, amount_minor, currency)
           VALUES ($1, $2, 'sandbox', $3, $4, 'EUR')""",
        uuid.uuid4(),
        order_id,
        "settled" if paid else "failed",
        total_minor,
    )
    return OrderRow(order_id, str(number), token, total_minor)


async def jobs_of(owner: Owner, actor: str) -> list[list[Any]]:
    """The arguments of every job that waits for `actor`."""
    rows = await owner.fetch("SELECT args FROM jobs.jobs WHERE actor = $1 ORDER BY id", actor)
    return [json.loads(row["args"]) for row in rows]
