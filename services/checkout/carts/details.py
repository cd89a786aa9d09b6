"""Who buys, where it goes, and how it gets there."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from services.checkout.carts.carts import changing, view
from services.checkout.carts.facts import cart_facts
from services.checkout.resources import Checkout
from services.checkout.shapes import Cart, SetDetails
from services.errors import FieldError, Invalid
from services.queries import load_queries

_SET_DETAILS = load_queries(__file__, "details.sql")["set_details"]

# As browsers judge `<input type=email>` (https://html.spec.whatwg.org/#valid-e-mail-address), with a
# dot in the host. Nothing that could end a mail's header or name a second recipient gets through.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")
_OPTIONAL = {"line2", "region"}
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # control characters, half characters, line and paragraph ends


async def set_details(checkout: Checkout, cart_id: str, given: SetDetails) -> Cart:
    """Sets all details of a cart at once. Raises Invalid with every wrong field; also where we don't
    deliver to, or by a way that does not carry the cart there. A cart refused stays as it was. Raises
    NotFound, CartAlreadyOrdered."""
    details = cleaned(given)
    address = msgspec.json.encode(details.shipping_address).decode()
    async with changing(checkout, cart_id) as raw:
        await raw.execute(_SET_DETAILS, cart_id, details.email, address, details.shipping_method)
        facts = await cart_facts(raw, cart_id)
        if facts.tax_percent is None:
            raise Invalid([FieldError("shipping_address.country", "is not a country we deliver to")])
        if facts.totals.shipping is None:
            raise Invalid([FieldError("shipping_method", "does not carry this cart there")])
    return await view(checkout, facts)


def cleaned(given: SetDetails) -> SetDetails:
    """The details without blanks around each text; an optional one of blanks is left out. Raises
    Invalid with every text that is empty, holds control characters or is no email address."""
    errors: list[FieldError] = []
    address = given.shipping_address
    texts: dict[str, str | None] = {}
    for name, text in msgspec.structs.asdict(address).items():
        texts[name] = _cleaned(f"shipping_address.{name}", text or "", errors) or None
        if texts[name] is None and name not in _OPTIONAL:
            errors.append(FieldError(f"shipping_address.{name}", "must not be empty"))
    email = given.email.strip()
    if not _EMAIL.fullmatch(email):
        errors.append(FieldError("email", "is not an email address"))
    method = _cleaned("shipping_method", given.shipping_method, errors)
    if errors:
        raise Invalid(sorted(errors, key=lambda error: error.field))
    return SetDetails(email, msgspec.structs.replace(address, **texts), method)


def _cleaned(field: str, text: str, errors: list[FieldError]) -> str:
    text = text.strip()
    if any(unicodedata.category(character) in _UNPRINTABLE for character in text):
        errors.append(FieldError(field, "must not contain control characters or line breaks"))
    return text
