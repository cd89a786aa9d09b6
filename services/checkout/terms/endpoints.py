"""The shopkeeper's terms over HTTP: discount codes, ways to ship, tax rates."""

from __future__ import annotations

from starlette.responses import Response

from services.checkout.resources import Checkout
from services.checkout.terms import discounts, shipping_methods, tax_rates
from services.checkout.terms.shapes import (
    DiscountsQuery,
    DiscountTerms,
    DiscountTermsPage,
    SetDiscountTerms,
    SetShippingTerms,
    SetTaxRate,
    ShippingTerms,
    ShippingTermsList,
    TaxRate,
    TaxRates,
)
from services.decode import Nothing
from services.operations import Call, operation

_ADMIN = "/api/checkout/admin"
_DISCOUNT, _METHOD, _TAX_RATE = (
    _ADMIN + "/discounts/{code}",
    _ADMIN + "/shipping-methods/{code}",
    _ADMIN + "/tax-rates/{country}",
)


async def list_discounts(call: Call[Checkout, DiscountsQuery, Nothing]) -> DiscountTermsPage:
    return await discounts.discounts(call.resources, call.query.limit, call.query.cursor)


async def put_discount_terms(call: Call[Checkout, Nothing, SetDiscountTerms]) -> DiscountTerms:
    return await discounts.set_discount(call.resources, call.path("code"), call.body)


async def delete_discount_terms(call: Call[Checkout, Nothing, Nothing]) -> Response:
    await discounts.delete_discount(call.resources, call.path("code"))
    return Response(status_code=204)


async def list_shipping_terms(call: Call[Checkout, Nothing, Nothing]) -> ShippingTermsList:
    return await shipping_methods.shipping_methods(call.resources)


async def put_shipping_terms(call: Call[Checkout, Nothing, SetShippingTerms]) -> ShippingTerms:
    return await shipping_methods.set_shipping_method(call.resources, call.path("code"), call.body)


async def delete_shipping_terms(call: Call[Checkout, Nothing, Nothing]) -> Response:
    await shipping_methods.delete_shipping_method(call.resources, call.path("code"))
    return Response(status_code=204)


async def list_tax_rates(call: Call[Checkout, Nothing, Nothing]) -> TaxRates:
    return await tax_rates.tax_rates(call.resources)


async def put_tax_rate(call: Call[Checkout, Nothing, SetTaxRate]) -> TaxRate:
    return await tax_rates.set_tax_rate(call.resources, call.path("country"), call.body.percent)


async def delete_tax_rate(call: Call[Checkout, Nothing, Nothing]) -> Response:
    await tax_rates.delete_tax_rate(call.resources, call.path("country"))
    return Response(status_code=204)


OPERATIONS = [
    operation(
        "GET",
        _ADMIN + "/discounts",
        list_discounts,
        "Discount codes",
        query=DiscountsQuery,
        answer=DiscountTermsPage,
        admin=True,
    ),
    operation(
        "PUT",
        _DISCOUNT,
        put_discount_terms,
        "Set a discount code",
        body=SetDiscountTerms,
        answer=DiscountTerms,
        admin=True,
    ),
    operation(
        "DELETE", _DISCOUNT, delete_discount_terms, "Take a discount code away", status=204, admin=True
    ),
    operation(
        "GET",
        _ADMIN + "/shipping-methods",
        list_shipping_terms,
        "Ways to ship, with their rates",
        answer=ShippingTermsList,
        admin=True,
    ),
    operation(
        "PUT",
        _METHOD,
        put_shipping_terms,
        "Set a way to ship and all its rates",
        body=SetShippingTerms,
        answer=ShippingTerms,
        admin=True,
    ),
    operation("DELETE", _METHOD, delete_shipping_terms, "Take a way to ship away", status=204, admin=True),
    operation("GET", _ADMIN + "/tax-rates", list_tax_rates, "Tax rates", answer=TaxRates, admin=True),
    operation(
        "PUT",
        _TAX_RATE,
        put_tax_rate,
        "Set a country's tax rate; the shop then delivers there",
        body=SetTaxRate,
        answer=TaxRate,
        admin=True,
    ),
    operation(
        "DELETE",
        _TAX_RATE,
        delete_tax_rate,
        "Deliver there no more; its shipping rates go too",
        status=204,
        admin=True,
    ),
]
