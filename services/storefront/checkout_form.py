"""The checkout's form: what was typed, and checkout's objections beside the fields, in plain words."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

import msgspec

from services.decode import Input
from services.errors import FieldError
from services.storefront.checkout_client import Address, Cart, Details
from services.storefront.texts import text

_KEY = re.compile(r"[A-Za-z0-9_-]{20,100}")
# Checkout judges it exactly, but only once nothing is missing; this is said with the first objections.
_LIKE_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

# In the form's order; the catalogue has words for each being wrong, and for being empty where it must not.
_FIELDS = ("email", "name", "line1", "line2", "postal_code", "city", "region", "country", "shipping_method")
_MAY_BE_EMPTY = ("line2", "region")


class CheckoutForm(Input, frozen=True):
    """Everything as text. `expected_total` is the total that was shown, in minor units; `key` makes
    the order happen once; `action` is the button."""

    email: str = ""
    name: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    shipping_method: str = ""
    expected_total: str = ""
    key: str = ""
    action: str = ""

    @property
    def details(self) -> Details:
        """As checkout takes them; whether they are right, it says itself."""
        address = Address(
            name=self.name.strip(),
            line1=self.line1.strip(),
            city=self.city.strip(),
            postal_code=self.postal_code.strip(),
            country=self.country.strip().upper(),
            line2=self.line2.strip() or None,
            region=self.region.strip() or None,
        )
        return Details(self.email.strip(), address, self.shipping_method)

    @property
    def order_key(self) -> str:
        """The form's key, or a new one when it has none that could be ours."""
        return self.key if _KEY.fullmatch(self.key) else secrets.token_urlsafe(24)

    @property
    def expected_minor(self) -> int | None:
        shown = self.expected_total
        return int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 16 else None

    def errors_in_words(self, errors: Iterable[FieldError]) -> dict[str, str]:
        """Checkout's objections by this form's field; any we have no field for is said under `form`."""
        found: dict[str, str] = {}
        if not _LIKE_EMAIL.fullmatch(self.email.strip()):
            errors = [FieldError("email", ""), *errors]
        for error in errors:
            name = error.field.removeprefix("shipping_address.")
            if name in _FIELDS:
                is_empty = name not in _MAY_BE_EMPTY and not getattr(self, name).strip()
                found[name] = text(f"field.{name}.{'empty' if is_empty else 'wrong'}")
            else:
                found["form"] = f"{error.field}: {error.message}"
        return {name: found[name] for name in (*_FIELDS, "form") if name in found}


def form_of(cart: Cart) -> CheckoutForm:
    """The form as far as the cart knows it already."""
    address = cart.shipping_address
    known = {} if address is None else {k: v or "" for k, v in msgspec.structs.asdict(address).items()}
    method = cart.shipping.code if cart.shipping else ""
    return CheckoutForm(email=cart.email or "", shipping_method=method, **known)
