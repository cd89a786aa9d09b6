"""Amounts, numbers, days and countries as the request's language writes them (CLDR, by Babel).

A list shows a hundred of them, and Babel takes up to 60 µs for one: what was written once is kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from math import ceil

from babel.dates import format_date, format_time, format_timedelta
from babel.lists import format_list
from babel.numbers import NumberPattern, format_decimal, format_percent, get_currency_symbol, parse_pattern
from markupsafe import Markup

from services.country_names import country_name
from services.money import Money
from services.storefront.languages import BY_CODE, current_language

_UNITS_SECONDS = (86_400, 3_600, 60, 1)


def money(amount: Money) -> str:
    """`€19.99` in English, `19,99 €` in German; `¥1,500` and `KWD 1.500` with their own decimals."""
    return _money(amount.amount, amount.currency, current_language().code)


@lru_cache(maxsize=20_000)
def _money(minor: int, currency: str, code: str) -> str:
    decimals, locale = Money(minor, currency).decimals, BY_CODE[code].locale
    pattern = _currency_pattern(currency, decimals, code)
    value = Decimal(minor).scaleb(-decimals)
    return str(pattern.apply(value, locale, currency=currency, currency_digits=False))


@lru_cache(maxsize=100)
def _currency_pattern(currency: str, decimals: int, code: str) -> NumberPattern:
    """CLDR's pattern with ISO 4217's decimals: CLDR itself leaves those out that nobody pays in cash
    (IQD), but what is charged has them. A sign of letters stands apart from the number."""
    locale = BY_CODE[code].locale
    pattern = locale.currency_formats["standard"].pattern
    if get_currency_symbol(currency, locale)[-1:].isalpha():
        pattern = pattern.replace("\N{CURRENCY SIGN}#", "\N{CURRENCY SIGN}\N{NO-BREAK SPACE}#")
    own = parse_pattern(pattern)
    own.frac_prec = (decimals, decimals)
    return own


def number(value: float) -> str:
    """`1,234` or `1.234`."""
    return _number(value, current_language().code)


@lru_cache(maxsize=20_000)
def _number(value: float, code: str) -> str:
    return str(format_decimal(value, locale=BY_CODE[code].locale))


def percent(value: float) -> str:
    """`19%` or `19\N{NO-BREAK SPACE}%`, of 19 (not 0.19); up to two decimals."""
    return _percent(value, current_language().code)


@lru_cache(maxsize=1000)
def _percent(value: float, code: str) -> str:
    locale = BY_CODE[code].locale
    pattern = locale.percent_formats[None].pattern.replace("0", "0.##", 1)
    return str(format_percent(Decimal(str(value)) / 100, pattern, locale=locale))


def day(moment: datetime) -> str:
    """`3 February 2026`, `3. Februar 2026`; in UTC: where the shopper is, we don't know."""
    return str(format_date(moment.astimezone(UTC), "long", locale=current_language().day_locale))


def clock(moment: datetime) -> str:
    """`14:05`, in UTC."""
    return str(format_time(moment.astimezone(UTC), "short", locale=current_language().day_locale))


def from_now(wait: timedelta) -> str:
    """`in 10 minutes`, `in 1 Stunde`: rounded, and never to less than it is."""
    seconds = max(1, ceil(wait.total_seconds()))
    unit_seconds = next(unit for unit in _UNITS_SECONDS if seconds >= unit)
    rounded = timedelta(seconds=ceil(seconds / unit_seconds) * unit_seconds)
    locale = current_language().locale
    return str(format_timedelta(rounded, threshold=1, add_direction=True, locale=locale))


def country(code: str) -> str:
    """`Germany` or `Deutschland` for `DE`; a code we don't know is its own name."""
    return current_language().locale.territories.get(code) or country_name(code)


def countries_in_order(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of code and name, as one looks for them in a list: `Österreich` stands among the O."""
    return sorted(((code, country(code)) for code in codes), key=lambda pair: _place(pair[1]))


def enumeration(parts: Iterable[str]) -> str:
    """`cups, plates and bowls`."""
    return str(format_list(list(parts), locale=current_language().day_locale))


def _place(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()


def shown(value: object) -> str:
    """A value in a text: amounts, numbers and days and waits by the rules above, anything else as it is."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Money):
        return money(value)
    if isinstance(value, datetime):
        return day(value)
    if isinstance(value, timedelta):
        return from_now(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return str(value)
