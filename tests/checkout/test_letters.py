"""How letters are laid out and headed, whatever the shop is called."""

from __future__ import annotations

import uuid
from email import message_from_bytes, policy
from typing import Any

import msgspec
import pytest

from services.checkout.mail.letters import Facts, Kind, Letters
from services.checkout.mail.mailer import MailRefused
from services.settings import MailSettings, SettingError


def _money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


FACTS = {
    "order_id": str(uuid.UUID(int=1)),
    "number": "100001",
    "token": "a-token",
    "email": "ada@example.com",
    "created_at": "2026-06-03T10:00:00Z",
    "paid_at": "2026-06-03T10:00:05Z",
    "sent": False,
    "shipping_address": {
        "name": "Ada",
        "line1": "12 Analytical Way",
        "city": "Köln",
        "postal_code": "50667",
        "country": "DE",
    },
    "shipping_name": "Standard",
    "discount_code": None,
    "tax_percent": 25.5,
    "totals": {
        "items": _money(123456789),
        "discount": _money(0),
        "shipping": _money(0),
        "tax": _money(25084845),
        "total": _money(123456789),
    },
    "lines": [
        {
            "title": "A lamp whose name goes on and on until it fills the line and then some more",
            "attributes": {},
            "quantity": 1,
            "price": _money(123456789),
            "total": _money(123456789),
        }
    ],
    "parcel": {
        "lines": [{"title": "A lamp", "attributes": {}, "quantity": 1}],
        "unsent": [],
        "carrier": None,
        "tracking_number": None,
        "tracking_url": None,
    },
    "refund": {"state": "succeeded", "amount": _money(5), "left": _money(0)},
}


def _letters(sender: str = "Kiosk <orders@kiosk.example>", store_name: str = "Kiosk") -> Letters:
    return Letters(MailSettings(ses_host="localhost", ses_sender=sender), store_name, "http://shop")


def _facts(**changes: Any) -> Facts:
    return msgspec.convert({**FACTS, **changes}, Facts)


@pytest.mark.parametrize("kind", ["receipt", "shipped", "refunded"])
def test_every_letter_has_text_and_html_with_the_link(kind: Kind) -> None:
    letters = _letters()
    mail = letters.write(kind, _facts(), letters.message_id(kind, "1"))
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        assert "http://shop/orders/a-token" in body.get_content()
        assert "None" not in body.get_content()


def test_an_address_ends_with_the_countrys_name() -> None:
    mail = _letters().write("receipt", _facts(), "<1@kiosk.example>")
    for part in ("plain", "html"):
        body = mail.get_body((part,))
        assert body is not None
        assert "Germany" in body.get_content()


def test_text_keeps_amounts_at_one_margin_and_lines_short() -> None:
    body = _letters().write("receipt", _facts(), "<1@kiosk.example>").get_body(("plain",))
    assert body is not None
    lines = body.get_content().splitlines()
    amounts = [line for line in lines if line.endswith(("€1,234,567.89", "€250,848.45", " €0.00"))]
    assert [len(line) for line in amounts] == [64, 64, 64, 64, 64]
    assert max(map(len, lines)) <= 64
    assert "of which 25.5 % tax" in body.get_content()
    assert "Discount" not in body.get_content()


def test_headers_survive_a_long_and_foreign_name_and_domain() -> None:
    domain = ".".join(["größe" * 5] * 3) + ".example"
    letters = _letters(f'"Größe, Söhne & Töchter GmbH {"x" * 60}" <orders@{domain}>', "Größe " * 20)
    wanted = letters.message_id("shipped", str(uuid.UUID(int=5)))
    raw = letters.write("shipped", _facts(), wanted).as_bytes()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))  # RFC 5322, section 2.1.1
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Message-ID"].strip() == wanted
    assert mail["From"].addresses[0].display_name.startswith("Größe, Söhne & Töchter GmbH")
    assert mail["From"].addresses[0].domain.isascii()
    assert mail["Subject"].startswith("Größe Größe")
    assert mail["Subject"].endswith("is on its way")


def test_a_recipients_foreign_domain_is_written_as_dns_knows_it() -> None:
    mail = _letters().write("receipt", _facts(email="ada@größe.example"), "<1@kiosk.example>")
    assert mail["To"].addresses[0].addr_spec == "ada@xn--gre-6ka8i.example"


def test_an_address_that_can_not_be_written_is_refused() -> None:
    with pytest.raises(MailRefused):
        _letters().write("receipt", _facts(email="ada@exa\r\nmple.com"), "<1@kiosk.example>")


@pytest.mark.parametrize("sender", ["Kiosk", "orders@", "@kiosk.example", "Kiosk <orders>"])
def test_a_sender_that_is_no_address_stops_the_process_by_name(sender: str) -> None:
    with pytest.raises(SettingError, match="SES_SENDER"):
        _letters(sender)
