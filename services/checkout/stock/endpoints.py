"""The shopkeeper's stock."""

from __future__ import annotations

from services.checkout.resources import Checkout
from services.checkout.stock import stock
from services.checkout.stock.shapes import SetStock, Stock
from services.decode import Nothing
from services.operations import Call, operation


async def get_stock(call: Call[Checkout, Nothing, Nothing]) -> Stock:
    checkout = call.resources
    return await stock.stock_of(checkout.database, call.path("sku"), checkout.acquire_timeout_seconds)


async def put_stock(call: Call[Checkout, Nothing, SetStock]) -> Stock:
    checkout, sku, body = call.resources, call.path("sku"), call.body
    wait = checkout.acquire_timeout_seconds
    await stock.set_stock(checkout.database, sku, body.level, body.reason, wait)
    return await stock.stock_of(checkout.database, sku, wait)


_PATH = "/api/checkout/admin/stock/{sku}"

OPERATIONS = [
    operation("GET", _PATH, get_stock, "A SKU's stock and how it came about", answer=Stock, admin=True),
    operation("PUT", _PATH, put_stock, "Set a SKU's level", body=SetStock, answer=Stock, admin=True),
]
