"""Checkout in this process, asking a real catalog that listens on a port of its own.

`checkout` calls it; `shelf` puts articles into catalog and stock on the shelf; `ready_cart` makes a
cart that can be ordered: `cart_id = await ready_cart(checkout, (await shelf.product("mug", stock=3), 2))`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from services.checkout.app import service
from services.database import open_database, role_url
from services.settings import DatabaseSettings
from tests.catalog.conftest import insert_product
from tests.checkout.desk import Desk, open_desk, warm_up
from tests.conftest import ADMIN_KEY, PATIENT, in_process
from tests.sandbox import RunningSandbox, running_sandbox
from tests.storefront.conftest import CatalogDoor, open_door

CARTS = "/api/checkout/carts"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
DETAILS: dict[str, Any] = {
    "email": "ada@example.com",
    "shipping_address": {
        "name": "Ada Lovelace",
        "line1": "Hauptstr. 1",
        "city": "Berlin",
        "postal_code": "10115",
        "country": "DE",
    },
    "shipping_method": "standard",
}


@dataclass(frozen=True)
class Shelf:
    """What the shop has, put there by the database's owner."""

    owner: asyncpg.Connection

    async def product(self, slug: str, *, stock: int = 0, weight_grams: int = 500, **facts: object) -> str:
        """A published product with one variant; returns its SKU. `facts` as of `insert_product`."""
        product_id = await insert_product(self.owner, slug, **facts)
        await self.owner.execute(
            "UPDATE catalog.variants SET weight_grams = $2 WHERE product_id = $1", product_id, weight_grams
        )
        if stock:
            await self.stock(f"SKU-{slug}", stock)
        return f"SKU-{slug}"

    async def stock(self, sku: str, delta: int) -> None:
        """More or fewer on hand, as a movement of the ledger."""
        await self.owner.execute(
            "INSERT INTO checkout.stock_movements (sku, delta, kind) VALUES ($1, $2, 'adjustment')",
            sku,
            delta,
        )

    async def price(self, sku: str, price_minor: int) -> None:
        """Catalog's price from now on."""
        await self.owner.execute(
            "UPDATE catalog.variants SET price_minor = $2 WHERE sku = $1", sku, price_minor
        )

    async def stop_selling(self, sku: str) -> None:
        await self.owner.execute(
            "UPDATE catalog.products SET published_at = NULL "
            "WHERE id = (SELECT product_id FROM catalog.variants WHERE sku = $1)",
            sku,
        )

    async def discount(self, code: str = "TEN", percent: int = 10, minimum_minor: int = 0) -> str:
        """A discount code without an end."""
        await self.owner.execute(
            "INSERT INTO checkout.discounts (code, percent_basis_points, minimum_minor) VALUES ($1, $2, $3)",
            code,
            percent * 100,
            minimum_minor,
        )
        return code

    async def end_quotes(self, cart_id: str) -> None:
        """As if QUOTE_TTL_MINUTES had passed."""
        await self.owner.execute(
            "UPDATE checkout.cart_lines SET quoted_until = now() WHERE cart_id = $1", cart_id
        )


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Checkout's own way into the test's database, open already. Notes on calls to the outside, which
    are dropped after 0.3 s, wait for it however busy the machine is."""
    monkeypatch.setattr("services.checkout.outside_calls._PATIENCE_SECONDS", 20)
    settings = DatabaseSettings.read({**PATIENT, "DATABASE_URL": database_url})
    opened = open_database(role_url(settings, "checkout"), settings, pool_max=10, name="test")
    await opened.connect()
    await warm_up(opened)
    yield opened
    await opened.disconnect()


@pytest.fixture
def shelf(owner: asyncpg.Connection) -> Shelf:
    return Shelf(owner)


@pytest.fixture
async def door(
    database_url: str, environment: Callable[..., None], carts_wait_for_prices: None
) -> AsyncIterator[CatalogDoor]:
    """Where checkout finds catalog; `door.closed.add("/")` takes it away."""
    environment(DATABASE_URL=database_url)
    async with open_door() as door:
        yield door


@pytest.fixture
async def checkout(door: CatalogDoor, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Checkout over the test's own database, asking the catalog behind `door`."""
    monkeypatch.setenv("INTERNAL_URL", door.url)
    async with in_process(service) as client:
        yield client


async def open_cart(checkout: httpx.AsyncClient) -> str:
    """A new cart's id."""
    response = await checkout.post(CARTS)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def put_line(checkout: httpx.AsyncClient, cart_id: str, sku: str, quantity: int) -> dict[str, Any]:
    """The cart after setting a line."""
    return await put(checkout, f"{cart_id}/lines/{sku}", {"quantity": quantity})


async def put(checkout: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The cart after a change under `/api/checkout/carts/`, which must succeed."""
    response = await checkout.put(f"{CARTS}/{path}", json=body)
    assert response.status_code == 200, response.text
    cart: dict[str, Any] = response.json()
    return cart


async def get_cart(checkout: httpx.AsyncClient, cart_id: str) -> dict[str, Any]:
    response = await checkout.get(f"{CARTS}/{cart_id}")
    assert response.status_code == 200, response.text
    cart: dict[str, Any] = response.json()
    return cart


async def ready_cart(checkout: httpx.AsyncClient, *wanted: tuple[str, int]) -> str:
    """A cart that can be ordered, of `(sku, quantity)`: `await ready_cart(checkout, ("SKU-mug", 2))`."""
    cart_id = await open_cart(checkout)
    for sku, quantity in wanted:
        await put_line(checkout, cart_id, sku, quantity)
    await put(checkout, f"{cart_id}/details", DETAILS)
    return cart_id


async def order(checkout: httpx.AsyncClient, cart_id: str) -> dict[str, Any]:
    """The order that the cart becomes."""
    key = {"Idempotency-Key": f"order-{cart_id}"}
    response = await checkout.post(f"{CARTS}/{cart_id}/order", headers=key)
    assert response.status_code == 201, response.text
    placed: dict[str, Any] = response.json()
    return placed


async def someone_waits(owner: asyncpg.Connection | PoolConnectionProxy) -> bool:
    """Whether a statement of checkout waits for a lock."""
    await owner.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees what its first look saw
    waiting: bool = await owner.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'kiosk-checkout' "
        "AND datname = current_database() AND wait_event_type = 'Lock')"
    )
    return waiting


def warnings_of(cart: dict[str, Any]) -> list[tuple[str, str | None]]:
    """`(code, sku)` of each."""
    return [(warning["code"], warning.get("sku")) for warning in cart["warnings"]]


def problem_of(response: httpx.Response) -> tuple[int, str]:
    """Status and slug of a refusal, which is always told as a problem with its request's id."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem = response.json()
    assert problem["request_id"] == response.headers["x-request-id"]
    return response.status_code, problem["type"].removeprefix("/problems/")


def wrong_fields(response: httpx.Response) -> list[str]:
    """The fields that a 422 names."""
    assert problem_of(response) == (422, "invalid"), response.text
    return [error["field"] for error in response.json()["errors"]]


@pytest.fixture(scope="module")
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[RunningSandbox]:
    """A sandbox that sends no webhooks by itself; `payments_take_long` is for tests of what comes before
    a payment has settled."""
    async with running_sandbox(processing_seconds=getattr(request, "param", None)) as sandbox:
        yield sandbox


payments_take_long = pytest.mark.parametrize("gateway", [600], indirect=True, ids=["long"])


@pytest.fixture
def lock_timeout_seconds() -> float:
    """How long the desk waits for a lock; `waits_briefly` is for tests of what comes then."""
    return 20


waits_briefly = pytest.mark.parametrize("lock_timeout_seconds", [0.5])


@pytest.fixture
async def desk(
    database_url: str,
    environment: Callable[..., None],
    gateway: RunningSandbox,
    lock_timeout_seconds: float,
) -> AsyncIterator[Desk]:
    environment(
        **gateway.environment,
        DATABASE_URL=database_url,
        DATABASE_LOCK_TIMEOUT_SECONDS=lock_timeout_seconds,
        PAYMENT_TIMEOUT_SECONDS=20,
    )
    async with open_desk(database_url, gateway) as opened:
        yield opened
    await gateway.clear_faults()
