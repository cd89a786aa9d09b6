"""Discount codes, as the shopkeeper sets them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from services.checkout.resources import Checkout
from services.checkout.terms.basis_points import basis_points
from services.checkout.terms.shapes import DiscountTerms, DiscountTermsPage, SetDiscountTerms
from services.database import connection
from services.errors import FieldError, Invalid, NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "discounts.sql")
_DISCOUNTS, _SET_DISCOUNT, _DELETE_DISCOUNT = _SQL["discounts"], _SQL["set_discount"], _SQL["delete_discount"]

_CODE = re.compile(r"[A-Z0-9_-]{1,40}")


async def discounts(checkout: Checkout, limit: int, cursor: str | None) -> DiscountTermsPage:
    """Codes in their order, after `cursor`; one round trip."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        found = await raw.fetchval(_DISCOUNTS, cursor, limit + 1, checkout.store.currency)
    items = msgspec.json.decode(found, type=list[DiscountTerms])
    more = len(items) > limit
    return DiscountTermsPage(items[:limit], items[limit - 1].code if more else None)


async def set_discount(checkout: Checkout, typed_code: str, terms: SetDiscountTerms) -> DiscountTerms:
    """Sets a code, in capitals whatever was typed. Raises Invalid."""
    code = typed_code.strip().upper()
    if not _CODE.fullmatch(code):
        raise Invalid([FieldError("code", "has 1 to 40 letters A to Z, digits, - and _")])
    points = basis_points(terms.percent)
    if terms.minimum is not None and terms.minimum.currency != checkout.store.currency:
        raise Invalid([FieldError("minimum.currency", "is not the shop's currency")])
    starts_at, ends_at = _span(terms)
    minimum_minor = terms.minimum.amount if terms.minimum else 0
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        stored = await raw.fetchval(
            _SET_DISCOUNT,
            code,
            points,
            minimum_minor,
            starts_at,
            ends_at,
            terms.uses_max,
            checkout.store.currency,
        )
    return msgspec.json.decode(stored, type=DiscountTerms)


async def delete_discount(checkout: Checkout, typed_code: str) -> None:
    """Takes a code away. Orders that were made with it keep their price. Raises NotFound."""
    async with connection(checkout.database, checkout.acquire_timeout_seconds) as raw:
        if not await raw.fetchval(_DELETE_DISCOUNT, typed_code.strip().upper()):
            raise NotFound("There is no such discount code")


def _span(terms: SetDiscountTerms) -> tuple[datetime | None, datetime | None]:
    starts_at, ends_at = _utc("starts_at", terms.starts_at), _utc("ends_at", terms.ends_at)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Invalid([FieldError("ends_at", "is not after starts_at")])
    return starts_at, ends_at


def _utc(field: str, moment: datetime | None) -> datetime | None:
    """A moment of the years 1 to 9999 may lie outside them in UTC."""
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise Invalid([FieldError(field, "is too far away")]) from None
