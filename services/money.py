"""Money: integer minor units and an ISO 4217 currency. Never a float."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# ISO 4217 gives most currencies two decimals; these are the others that shops meet.
_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"
_DECIMALS = {
    **dict.fromkeys(_WITHOUT_DECIMALS.split(" "), 0),
    **dict.fromkeys(_WITH_THREE.split(" "), 3),
}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (cents), for example `{"amount": 1999, "currency": "EUR"}`."""

    amount: Annotated[int, Meta(description="Minor units: 1999 is 19.99")]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code")]

    @property
    def decimals(self) -> int:
        """How many digits of the amount stand behind the point."""
        return _DECIMALS.get(self.currency, 2)

    @property
    def plain(self) -> str:
        """For machines: `1999.50`, `-0.50`."""
        major, minor = divmod(abs(self.amount), 10**self.decimals)
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{major}" + (f".{minor:0{self.decimals}d}" if self.decimals else "")

    def __str__(self) -> str:
        """For people who read English: `€19.99`, `-€0.50`, `CHF 12.00`."""
        decimals = self.decimals
        major, minor = divmod(abs(self.amount), 10**decimals)
        number = f"{major:,}" + (f".{minor:0{decimals}d}" if decimals else "")
        sign = "-" if self.amount < 0 else ""
        return sign + _SYMBOLS.get(self.currency, self.currency + " ") + number
