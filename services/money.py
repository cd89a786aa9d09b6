"""Money: integer minor units and an ISO 4217 currency. Never a float."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# ISO 4217 gives most currencies two decimals; these are the others that shops meet.
_DECIMALS = {
    "BIF": 0,
    "CLP": 0,
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "XAF": 0,
    "XOF": 0,
    "BHD": 3,
    "KWD": 3,
    "TND": 3,
}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (cents), for example `{"amount": 1999, "currency": "EUR"}`."""

    amount: Annotated[int, Meta(description="Minor units: 1999 is 19.99")]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code")]

    def __str__(self) -> str:
        """For people: `€19.99`, `-€0.50`, `CHF 12.00`."""
        decimals = _DECIMALS.get(self.currency, 2)
        major, minor = divmod(abs(self.amount), 10**decimals)
        number = f"{major:,}" + (f".{minor:0{decimals}d}" if decimals else "")
        sign = "-" if self.amount < 0 else ""
        return sign + _SYMBOLS.get(self.currency, self.currency + " ") + number
