"""Currencies that the gateway counts in another unit than ISO 4217, and hence than we do."""

from __future__ import annotations

from services.settings import PaymentSettings, SettingError, StoreSettings

# https://docs.stripe.com/currencies#special-cases: two decimals are sent for these, and must be zero;
_HUNDREDS = frozenset({"ISK", "UGX"})
# https://docs.stripe.com/currencies#zero-decimal: none for this one, which has two;
_WITHOUT_DECIMALS = frozenset({"MGA"})
# https://docs.stripe.com/currencies#three-decimal: the third must be zero, which no discount minds.
_TENS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def check_currency(store: StoreSettings, payment: PaymentSettings) -> None:
    """Keeps a shop from charging a hundredth of its prices, or the hundredfold. Raises SettingError."""
    other = _HUNDREDS | _WITHOUT_DECIMALS | _TENS
    if payment.payment_provider == "stripe" and store.currency in other:
        raise SettingError("CURRENCY", f"Stripe counts {store.currency} in another unit than Kiosk does")
