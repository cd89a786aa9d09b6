"""Checkout's whole surface; each noun's operations stand in the `endpoints` of its folder.

Shoppers    POST /api/checkout/carts, GET .../{id}, PUT .../lines/{sku}, .../discount, .../details,
            GET .../shipping-methods                                    carts/
            POST .../carts/{id}/order, GET /api/checkout/orders/{token}, POST .../cancel    orders/
Gateway     POST /webhooks/payments                                     payments/
Shopkeeper  GET /api/checkout/admin/orders, .../{number}, POST .../fulfilments              orders/
            POST .../orders/{number}/refunds                            payments/
            GET, PUT /api/checkout/admin/stock/{sku}                    stock/
            .../admin/discounts, .../shipping-methods, .../tax-rates    terms/
"""

from operator import attrgetter

from services.checkout.carts import endpoints as carts
from services.checkout.orders import admin_endpoints as admin_orders
from services.checkout.orders import endpoints as orders
from services.checkout.orders import fulfilment_endpoints as fulfilments
from services.checkout.payments import refund_endpoints as refunds
from services.checkout.payments import webhook_endpoints as webhooks
from services.checkout.resources import open_checkout
from services.checkout.stock import endpoints as stock
from services.checkout.terms import endpoints as terms
from services.service import Service

service = Service(
    name="checkout",
    resources=open_checkout,
    limiter=attrgetter("limiter"),
    smoke_paths=("/api/checkout/countries", "/api/checkout/carts/smoke"),
    operations=[
        *carts.OPERATIONS,
        *orders.OPERATIONS,
        *webhooks.OPERATIONS,
        *admin_orders.OPERATIONS,
        *fulfilments.OPERATIONS,
        *refunds.OPERATIONS,
        *stock.OPERATIONS,
        *terms.OPERATIONS,
    ],
)
