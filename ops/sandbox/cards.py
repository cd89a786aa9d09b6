"""The test cards: numbers and names of Stripe's (docs.stripe.com/testing), and two of our own. No other
card pays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from ops.sandbox.errors import CardRefused, InvalidRequest, NoSuchThing
from ops.sandbox.ids import new_id

_DECLINED = "Your card was declined."
_FUNDS = "Your card has insufficient funds."


@dataclass(frozen=True, slots=True)
class TestCard:
    """`code` and `decline_code` tell why it is declined; None: it is not. `authenticates`: the bank asks
    the shopper first (3-D Secure); `processes`: it is charged a few seconds later, as bank debits are."""

    number: str
    method: str
    brand: str
    does: str
    code: str | None = None
    decline_code: str | None = None
    message: str = _DECLINED
    authenticates: bool = False
    processes: bool = False


def _declining(number: str, method: str, code: str, decline_code: str, message: str = _DECLINED) -> TestCard:
    name = f"pm_card_{method}"
    return TestCard(number, name, "visa", f"declined: {decline_code}", code, decline_code, message)


def _asking(number: str, method: str, does: str = "asks for 3-D Secure, then pays") -> TestCard:
    return TestCard(number, f"pm_card_{method}", "visa", does, authenticates=True)


CARDS = (
    TestCard("4242424242424242", "pm_card_visa", "visa", "pays"),
    TestCard("4000056655665556", "pm_card_visa_debit", "visa", "pays"),
    TestCard("5555555555554444", "pm_card_mastercard", "mastercard", "pays"),
    TestCard("378282246310005", "pm_card_amex", "amex", "pays"),
    _asking("4000002760003184", "threeDSecure2Required"),
    _asking("4000002500003155", "authenticationRequired"),
    TestCard(
        "4000008400001629",
        "pm_card_threeDSecureRequiredChargeDeclined",
        "visa",
        "asks for 3-D Secure, then is declined",
        "card_declined",
        "generic_decline",
        authenticates=True,
    ),
    # Not Stripe's: there a card is never `processing` for long enough to be tried.
    TestCard("", "pm_card_processing", "visa", "pays after three seconds", processes=True),
    TestCard(
        "",
        "pm_card_processingDeclined",
        "visa",
        "is declined after three seconds",
        "card_declined",
        "generic_decline",
        processes=True,
    ),
    _declining("4000000000000002", "chargeDeclined", "card_declined", "generic_decline"),
    _declining(
        "4000000000009995", "chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", _FUNDS
    ),
    _declining("4000000000009987", "chargeDeclinedLostCard", "card_declined", "lost_card"),
    _declining("4000000000009979", "chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    _declining(
        "4000000000000069",
        "chargeDeclinedExpiredCard",
        "expired_card",
        "expired_card",
        "Your card has expired.",
    ),
    _declining(
        "4000000000000127",
        "chargeDeclinedIncorrectCvc",
        "incorrect_cvc",
        "incorrect_cvc",
        "Your card's security code is incorrect.",
    ),
    _declining(
        "4000000000000119",
        "chargeDeclinedProcessingError",
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
)
_BY_NUMBER = {card.number: card for card in CARDS if card.number}
_BY_METHOD = {card.method: card for card in CARDS} | {"pm_card_threeDSecureRequired": CARDS[4]}


class CardNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a shopper types. Two-digit years are of this century."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None = None


class PaymentMethodData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Literal["card"]
    card: CardNumber
    billing_details: dict[str, Any] = {}
    metadata: dict[str, str] = {}


Method = Annotated[str, msgspec.Meta(max_length=255)]


def card_named(method: str) -> dict[str, Any]:
    """The card of a test payment method such as `pm_card_visa`, ready to keep. Raises NoSuchThing."""
    card = _BY_METHOD.get(method)
    if card is None:
        raise NoSuchThing("PaymentMethod", method, "payment_method")
    return _kept(card, exp_month=12, exp_year=datetime.now(UTC).year + 3)


def card_typed(data: PaymentMethodData) -> dict[str, Any]:
    """The card whose number was typed, ready to keep. Raises CardRefused, InvalidRequest."""
    number = data.card.number.replace(" ", "").replace("-", "")
    where = "payment_method_data[card]"
    if not number.isdecimal() or not number.isascii() or not 12 <= len(number) <= 19 or not _luhn(number):
        raise CardRefused("Your card number is incorrect.", code="incorrect_number", param=f"{where}[number]")
    month, year = data.card.exp_month, data.card.exp_year
    year += 2000 if 0 <= year < 100 else 0
    now = datetime.now(UTC)
    if not 1 <= month <= 12:
        message = "Your card's expiration month is invalid."
        raise CardRefused(message, code="invalid_expiry_month", param=f"{where}[exp_month]")
    if not now.year <= year <= now.year + 50:
        message = "Your card's expiration year is invalid."
        raise CardRefused(message, code="invalid_expiry_year", param=f"{where}[exp_year]")
    if (year, month) < (now.year, now.month):
        message = "Your card's expiration month is invalid."
        raise CardRefused(message, code="invalid_expiry_month", param=f"{where}[exp_month]")
    if data.card.cvc is not None and not (data.card.cvc.isdecimal() and len(data.card.cvc) in (3, 4)):
        message = "Your card's security code is invalid."
        raise CardRefused(message, code="invalid_cvc", param=f"{where}[cvc]")
    card = _BY_NUMBER.get(number)
    if card is None:
        message = "Your card was declined. This is a sandbox, and that is none of its test cards."
        raise CardRefused(message, code="card_declined", param=f"{where}[number]")
    return _kept(card, exp_month=month, exp_year=year)


def chosen_card(method: str | None, data: PaymentMethodData | None) -> dict[str, Any] | None:
    """The card that the parameters name, if they do."""
    if method is not None and data is not None:
        message = "You may only specify one of these parameters: payment_method, payment_method_data."
        raise InvalidRequest(message)
    if data is not None:
        return card_typed(data)
    return card_named(method) if method is not None else None


def _kept(card: TestCard, exp_month: int, exp_year: int) -> dict[str, Any]:
    """Never the number."""
    facts = asdict(card)
    last4 = facts.pop("number")[-4:] or "0000"
    kept = {"payment_method": new_id("pm"), "last4": last4, "exp_month": exp_month, "exp_year": exp_year}
    return {**facts, **kept, "country": "US", "funding": "debit" if "debit" in card.method else "credit"}


def _luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0
