"""What the shop writes to a shopper: facts and templates into mails, as HTML and as plain text."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

import msgspec

from services.checkout.mail.addresses import mail_address, sender_address
from services.checkout.mail.letter_templates import LetterTemplates
from services.checkout.mail.mailer import MailRefused
from services.checkout.shapes import Address
from services.money import Money
from services.settings import MailSettings

Kind = Literal["receipt", "shipped", "refunded"]


class Line(msgspec.Struct, frozen=True):
    title: str
    attributes: dict[str, str]
    quantity: int
    price: Money
    total: Money


class ParcelLine(msgspec.Struct, frozen=True):
    title: str
    attributes: dict[str, str]
    quantity: int


class Parcel(msgspec.Struct, frozen=True):
    """`unsent`: what was still to come when it left."""

    lines: list[ParcelLine]
    unsent: list[ParcelLine]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None


class Refund(msgspec.Struct, frozen=True):
    """`left`: what the shop keeps of the payment after this refund and those before it."""

    state: Literal["pending", "succeeded", "failed"]
    amount: Money
    left: Money


class Totals(msgspec.Struct, frozen=True):
    items: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money


class Facts(msgspec.Struct, frozen=True):
    """All that any of the letters tells of an order. `sent`: this very letter has been sent."""

    order_id: str
    number: str
    token: str
    email: str
    created_at: datetime
    paid_at: datetime | None
    sent: bool
    shipping_address: Address
    shipping_name: str
    discount_code: str | None
    tax_percent: float
    totals: Totals
    lines: list[Line]
    parcel: Parcel | None
    refund: Refund | None


class Letters:
    """The shop's writing paper: its name, its address, who the letters are from."""

    def __init__(self, settings: MailSettings, store_name: str, public_url: str) -> None:
        """Raises SettingError when SES_SENDER is no address."""
        self._sender = sender_address(settings)
        self._store_name, self._public_url = store_name, public_url.rstrip("/")
        self._templates = LetterTemplates(store_name)

    def message_id(self, kind: Kind, about: str) -> str:
        """Always the same for the same letter, so that mail programs can tell a repeated one."""
        return f"<{kind}.{about}@{self._sender.domain}>"

    def write(self, kind: Kind, facts: Facts, message_id: str) -> EmailMessage:
        """The whole mail. Raises MailRefused when the order's address can't be written in a header."""
        message = EmailMessage(SMTP)
        message["From"] = self._sender
        message["To"] = _recipient(facts.email)
        message["Subject"] = _subject(kind, facts, self._store_name)
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers by machines
        shown = {"order": facts, "order_url": f"{self._public_url}/orders/{facts.token}"}
        message.set_content(self._templates.text(kind, **shown), cte="quoted-printable")
        message.add_alternative(self._templates.html(kind, **shown), subtype="html", cte="quoted-printable")
        return message


def _subject(kind: Kind, facts: Facts, store_name: str) -> str:
    what = {
        "receipt": f"Your order {facts.number}",
        "shipped": f"Your order {facts.number} is on its way",
        "refunded": f"Your refund for order {facts.number}",
    }[kind]
    return " ".join(f"{store_name}: {what}".split())


def _recipient(email: str) -> MailAddress:
    """Just the address: the name on the parcel may be another person's."""
    try:
        return mail_address(email)
    except ValueError:
        raise MailRefused("The address can't be written in a header") from None
