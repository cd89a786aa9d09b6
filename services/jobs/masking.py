"""Arguments of jobs as everybody may see them: what names a person or opens a door is hidden, by the name of
its key or by its shape. Texts that quote such things are private_text.py's."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from services.private_text import MASK, passes_luhn, without_quotes

# Singular words of keys; `shippingAddress`, `shipping_address` and `SHIPPING-ADDRESSES` have the same ones.
_WORDS = frozenset({
    "password", "passwd", "passphrase", "pwd", "pass", "secret", "token", "jwt", "otp", "pin", "email",
    "mail", "address", "street", "line1", "line2", "postal", "postcode", "zip", "city", "phone",
    "telephone", "tel", "mobile", "fax", "card", "pan", "cvc", "cvv", "iban", "bic", "authorization",
    "auth", "cookie", "session", "credential", "signature", "surname", "forename", "firstname",
    "lastname", "fullname", "username", "birthday", "birthdate", "recipient", "ip", "ssn",
})  # fmt: skip
_RUN_TOGETHER = frozenset({
    "apikey", "privatekey", "accesskey", "secretkey", "dateofbirth", "cardnumber", "creditcard", "debitcard",
    "phonenumber", "mobilenumber", "postalcode", "zipcode", "sessionid",
})  # fmt: skip
# `accesstoken`, `customeremails`; nothing harmless ends so, as a headphone does in a phone.
_ENDINGS = re.compile(r"(?:password|passphrase|secret|token|cookie|credential|email|address)e?s?$")
# `name` alone is taken for a person's; `product_name` is not, `billing_name` is.
_WHOSE_NAME = frozenset({
    "first", "last", "full", "given", "family", "middle", "customer", "recipient", "holder",
    "cardholder", "shipping", "billing", "contact", "buyer", "person", "user",
})  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+")

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KNOWN_TOKEN = re.compile(r"(?:Bearer|Basic) \S+|(?:sk|pk|rk|pi|whsec|ghp|xox[abp])[_-]\S{8,}|eyJ\S{16,}")
_TOKEN = re.compile(r"[A-Za-z0-9_+/=.~-]{24,}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")


def masked(value: Any) -> tuple[Any, bool]:
    """The value with what is private replaced by MASK, and whether anything was. `value` is what JSON knows:
    lists and objects are looked through at any depth."""
    shown = _shown(value)
    return shown, shown != value


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, dict):
        return {_shown_text(key): _under(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_shown, value))
    return value


def _under(key: str, value: Any) -> Any:
    if not _is_private(key):
        return _shown(value)
    return value if value is None or value == "" else MASK


def _is_private(key: str) -> bool:
    words = [_singular(word.lower()) for word in _WORD.findall(key)]
    if not _WORDS.isdisjoint(words) or "".join(words) in _RUN_TOGETHER or any(map(_ENDINGS.search, words)):
        return True
    pairs = {a + b for a, b in pairwise(words)}
    if not _RUN_TOGETHER.isdisjoint(pairs):
        return True
    return words == ["name"] or ("name" in words and not _WHOSE_NAME.isdisjoint(words))


def _singular(word: str) -> str:
    if word in _WORDS:
        return word
    return word.removesuffix("es") if word.removesuffix("es") in _WORDS else word.removesuffix("s")


def _shown_text(text: str) -> str:
    if _UUID.fullmatch(text):
        return text
    if _KNOWN_TOKEN.fullmatch(text) or _is_token(text) or _is_card(text):
        return MASK
    return without_quotes(text)


def _is_token(text: str) -> bool:
    """Long and without a word in it: all hex, or capitals, small letters and digits at once."""
    if _HEX.fullmatch(text):
        return True
    kinds = (str.isupper, str.islower, str.isdigit)
    return bool(_TOKEN.fullmatch(text)) and all(any(map(kind, text)) for kind in kinds)


def _is_card(text: str) -> bool:
    """A number of a card's length that passes Luhn's check."""
    return bool(_CARD.fullmatch(text)) and passes_luhn(text)
