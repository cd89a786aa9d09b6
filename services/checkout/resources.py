"""What checkout's endpoints work with, opened at start and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from databases import Database

from services.checkout.carts.quotes import Quotes
from services.checkout.outside_calls import OutsideCalls
from services.checkout.payments.currencies import check_currency
from services.checkout.payments.gateway import Gateway
from services.database import open_database, role_url
from services.internal_client import InternalClient
from services.lifecycle import Lifecycle
from services.limits.limiter import Limiter, open_limiter
from services.service import await_schema, background
from services.settings import (
    CheckoutSettings,
    DatabaseSettings,
    LimitSettings,
    PaymentSettings,
    ProcessSettings,
    StoreSettings,
)


@dataclass(frozen=True, slots=True)
class Checkout:
    database: Database
    quotes: Quotes
    gateway: Gateway
    store: StoreSettings
    terms: CheckoutSettings
    acquire_timeout_seconds: float
    limits: LimitSettings
    limiter: Limiter


@asynccontextmanager
async def open_checkout(settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Checkout]:
    data = DatabaseSettings.read()
    database = open_database(
        role_url(data, "checkout"), data, pool_max=data.database_pool_max, name="checkout"
    )
    client, calls = InternalClient(settings), OutsideCalls(database)
    store, payment, terms = StoreSettings.read(), PaymentSettings.read(), CheckoutSettings.read()
    check_currency(store, payment)
    gateway = Gateway(payment, calls)
    await database.connect()
    try:
        async with open_limiter(shared=True) as limiter:
            checkout = Checkout(
                database,
                Quotes(client, terms.quote_timeout_seconds),
                gateway,
                store,
                terms,
                data.database_acquire_timeout_seconds,
                LimitSettings.read(),
                limiter,
            )
            async with background(lambda: await_schema(database, "checkout", lifecycle)):
                yield checkout
    finally:
        await gateway.close()
        await client.close()
        await database.disconnect()
