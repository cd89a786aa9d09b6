"""Checkout's whole surface. It has its process, role and schema; carts and orders are the next step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases import Database

from services.database import open_database, role_url
from services.lifecycle import Lifecycle
from services.service import Service, await_schema, background
from services.settings import DatabaseSettings, ProcessSettings


@asynccontextmanager
async def open_checkout(_settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Database]:
    data = DatabaseSettings.read()
    database = open_database(
        role_url(data, "checkout"), data, pool_max=data.database_pool_max, name="checkout"
    )
    await database.connect()
    try:
        async with background(lambda: await_schema(database, "checkout", lifecycle)):
            yield database
    finally:
        await database.disconnect()


service = Service(name="checkout", resources=open_checkout, operations=[])
