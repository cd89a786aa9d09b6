"""Texts that quote things, such as an error's own words: what names a person or opens a door is hidden in
them, by its shape. Each pattern goes through a text once or twice, however long that is."""

from __future__ import annotations

import re

MASK = "•••"

# PostgreSQL quotes a row, or the values of a key, in an error's detail. Such values may hold anything; what
# comes after them, in an error told in full, begins one of these lines.
_NEXT = r"\n(?=[ |]*(?:HINT:|CONTEXT:|Traceback \(most|The above exception|During handling of|\+-))"
_ROW = re.compile(rf"(?<=ailing row contains \()[^\n]*(?:(?!{_NEXT})\n[^\n]*)*")
_KEY_SAYS = r"\) (?:already exists|is not present|is still referenced|is duplicated|conflicts with)"
_KEY = re.compile(rf"(?<=\)=\().*?(?={_KEY_SAYS}|{_NEXT}|\Z)", re.DOTALL)
_PASSWORD = re.compile(r"(?<=://)([^\s:/?#@]*+:)[^\s/?#]+(?=@)")
# A payment's id (pi_...) is what an operator looks it up by, and opens nothing.
_TOKEN = re.compile(
    r"\b(?:Bearer|Basic) [\w+/=.~-]+|\b(?:sk|pk|rk|whsec|ghp|xox[abp])[_-][\w-]{8,}|\bpi_\w+_secret_\w+"
    r"|\beyJ[\w.-]{16,}"
)
_EMAIL = re.compile(r"(?<![\w.+'-])[\w.+'-]++@[\w-]+(?:\.[\w-]+)+")
# By the first digits that cards have, which times and most other numbers have not.
_MASTERCARD_2 = r"2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)(?:[ -]?\d){12}"
_CARD = re.compile(rf"(?<![\w.-])(?:[3-6]\d{{3}}(?:[ -]?\d){{9,15}}|{_MASTERCARD_2})(?![\w-]|\.\d)")
# In this order, each only where its sign is: most lines of a log have none.
_QUOTES = (
    ("ailing row contains (", _ROW, f"{MASK})"),
    (")=(", _KEY, MASK),
    ("://", _PASSWORD, rf"\1{MASK}"),
    ("", _TOKEN, MASK),
    ("@", _EMAIL, MASK),
)


def without_quotes(text: str) -> str:
    """The text with what is private of it replaced by MASK: rows and keys that PostgreSQL quotes, passwords
    in addresses, tokens of known shapes, emails, numbers of cards."""
    for sign, pattern, shown in _QUOTES:
        if sign in text:
            text = pattern.sub(shown, text)
    return _CARD.sub(lambda found: MASK if passes_luhn(found[0]) else found[0], text)


def passes_luhn(number: str) -> bool:
    """Luhn's check, which all numbers of cards pass and one in ten others."""
    digits = [int(one) for one in reversed(number) if one.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
