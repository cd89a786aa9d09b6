"""Ways to ship and what they cost, as the shopkeeper sets them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from services.checkout.resources import Checkout
from services.checkout.terms.shapes import SetShippingTerms, ShippingRate, ShippingTerms, ShippingTermsList
from services.database import Connection, connection, transaction
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "shipping_methods.sql")
_METHODS, _KNOWN_COUNTRIES, _SET_METHOD, _SET_RATES, _DELETE_METHOD = (
    _SQL["methods"],
    _SQL["known_countries"],
    _SQL["set_method"],
    _SQL["set_rates"],
    _SQL["delete_method"],
)

_CODE = re.compile(r"(?=.{1,60}$)[a-z0-9]+(-[a-z0-9]+)*")


async def shipping_methods(checkout: Checkout) -> ShippingTermsList:
    """All of them, in the shopper's order; one round trip."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        return ShippingTermsList(await _methods(raw, None, checkout.store.currency))


async def set_shipping_method(checkout: Checkout, code: str, terms: SetShippingTerms) -> ShippingTerms:
    """Sets a method and all its rates at once; rates that are not named end. Raises Invalid."""
    if not _CODE.fullmatch(code):
        raise Invalid([FieldError("code", "has 1 to 60 small letters and digits, with single - between")])
    if not (name := terms.name.strip()):
        raise Invalid([FieldError("name", "must not be empty")])
    currency = checkout.store.currency
    _require_sound_rates(terms.rates, currency)
    async with transaction(checkout.database, checkout.acquire_timeout_seconds) as raw:
        await _require_known_countries(raw, terms.rates)
        await raw.execute(_SET_METHOD, code, name, terms.position)
        await raw.execute(
            _SET_RATES,
            code,
            [rate.country for rate in terms.rates],
            [rate.weight_max_grams for rate in terms.rates],
            [rate.price.amount for rate in terms.rates],
        )
        return (await _methods(raw, code, currency))[0]


async def delete_shipping_method(checkout: Checkout, code: str) -> None:
    """Takes a method away. Orders keep what they were made with. Raises NotFound."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        if not await raw.fetchval(_DELETE_METHOD, code):
            raise NotFound("There is no such shipping method")


def _require_sound_rates(rates: Sequence[ShippingRate], currency: str) -> None:
    seen: set[tuple[str, int]] = set()
    for place, rate in enumerate(rates):
        if rate.price.currency != currency:
            raise Invalid([FieldError(f"rates[{place}].price.currency", "is not the shop's currency")])
        if (rate.country, rate.weight_max_grams) in seen:
            raise Invalid([FieldError(f"rates[{place}]", "has the country and weight of another rate")])
        seen.add((rate.country, rate.weight_max_grams))


async def _require_known_countries(connection: Connection, rates: Sequence[ShippingRate]) -> None:
    named = sorted({rate.country for rate in rates})
    known = {row["country"] for row in await connection.fetch(_KNOWN_COUNTRIES, named)}
    unknown = [
        FieldError(f"rates[{place}].country", "has no tax rate: set that first")
        for place, rate in enumerate(rates)
        if rate.country not in known
    ]
    if unknown:
        raise Invalid(unknown)


async def _methods(connection: Connection, code: str | None, currency: str) -> list[ShippingTerms]:
    found = await connection.fetchval(_METHODS, code, currency)
    return msgspec.json.decode(found, type=list[ShippingTerms])
