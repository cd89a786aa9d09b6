"""Tax rates, one per country, as the shopkeeper sets them. A country without one is not delivered to."""

from __future__ import annotations

import re

import msgspec

from services.checkout.resources import Checkout
from services.checkout.terms.basis_points import basis_points
from services.checkout.terms.shapes import TaxRate, TaxRates
from services.database import connection
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "tax_rates.sql")
_RATES, _SET_RATE, _DELETE_RATE = _SQL["rates"], _SQL["set_rate"], _SQL["delete_rate"]

_COUNTRY = re.compile("[A-Z]{2}")


async def tax_rates(checkout: Checkout) -> TaxRates:
    """By country; one round trip."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        return TaxRates(msgspec.json.decode(await raw.fetchval(_RATES), type=list[TaxRate]))


async def set_tax_rate(checkout: Checkout, country: str, percent: float) -> TaxRate:
    """Sets what is within every price for that country. Orders keep the rate they were made with. Ways
    to ship there are set apart. Raises Invalid."""
    if not _COUNTRY.fullmatch(country):
        raise Invalid([FieldError("country", "is not a code of ISO 3166-1, such as DE")])
    points = basis_points(percent)
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await raw.execute(_SET_RATE, country, points)
    return TaxRate(country, points / 100)


async def delete_tax_rate(checkout: Checkout, country: str) -> None:
    """Ends deliveries to a country; its shipping rates go too. Raises NotFound."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        if not await raw.fetchval(_DELETE_RATE, country):
            raise NotFound("There is no tax rate for this country")
