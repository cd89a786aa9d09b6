"""Addresses as headers and mail servers take them."""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr

import idna

from services.settings import MailSettings, SettingError


def sender_address(settings: MailSettings) -> Address:
    """SES_SENDER. Raises SettingError when it is no address."""
    name, address = parseaddr(settings.ses_sender)
    try:
        return mail_address(address, name)
    except ValueError:
        raise SettingError("SES_SENDER", "is not an address, such as: Kiosk <orders@example.com>") from None


def mail_address(address: str, name: str = "") -> Address:
    """The domain as DNS knows it (IDNA 2008): not every mail server takes the other form, and Python's
    own codec is of 2003, for which `größe.example` is the host of somebody else. Raises ValueError for
    what can't stand in a header."""
    user, _, domain = address.rpartition("@")
    if not user or not domain:
        raise ValueError("an address has something before and after its @")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return Address(name, user, domain)
