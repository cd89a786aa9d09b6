"""The shopkeeper reads orders."""

from __future__ import annotations

from services.checkout.orders import admin_orders, orders
from services.checkout.orders.shapes import Order, OrderPage, OrdersQuery
from services.checkout.resources import Checkout
from services.decode import Nothing
from services.operations import Call, Operation, operation


async def list_orders(call: Call[Checkout, OrdersQuery, Nothing]) -> OrderPage:
    return await admin_orders.list_orders(call.resources, call.query)


async def get_order_by_number(call: Call[Checkout, Nothing, Nothing]) -> Order:
    return await orders.order_by_number(call.resources, call.path("number"))


OPERATIONS: list[Operation] = [
    operation(
        "GET",
        "/api/checkout/admin/orders",
        list_orders,
        "Orders, newest first",
        query=OrdersQuery,
        answer=OrderPage,
        admin=True,
    ),
    operation(
        "GET",
        "/api/checkout/admin/orders/{number}",
        get_order_by_number,
        "One order by its number",
        answer=Order,
        admin=True,
    ),
]
