"""The way to the mail server: one SMTP talk per mail, over `aiosmtplib`, whose talk can be cut off at
any moment, as a thread with `smtplib` can't.

Mails are few and late by seconds already, so no connection is kept: a kept one would have to be
checked for life, and a mail lost on a dying connection could not be told from a sent one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from email.message import EmailMessage

import aiosmtplib

from services.checkout.mail.addresses import sender_address
from services.checkout.outside_calls import OutsideCalls
from services.errors import Conflict, UpstreamUnavailable
from services.settings import MailSettings

logger = logging.getLogger("kiosk.mail")

_GOODBYE_SECONDS = 1.0


class MailUnavailable(UpstreamUnavailable):
    """Nobody knows whether the mail was taken, or it was not for now: try again. `trouble`: what
    `/health` says of it."""

    slug, title = "mail-unavailable", "The mail server can't be reached right now"

    def __init__(self, detail: str, trouble: str) -> None:
        super().__init__(detail)
        self.trouble = trouble


class MailRefused(Conflict):
    """The server will never take this mail. `trouble`: none where it is only about the recipient."""

    slug, title = "mail-refused", "The mail server refuses this mail"

    def __init__(self, detail: str, trouble: str | None = None) -> None:
        super().__init__(detail)
        self.trouble = trouble


class Mailer:
    """Sends mails by the server of SES_HOST. Raises SettingError when SES_SENDER is no address."""

    def __init__(self, settings: MailSettings, calls: OutsideCalls) -> None:
        self.timeout_seconds = settings.ses_timeout_seconds
        self._settings = settings
        self._calls = calls
        self._own_name = sender_address(settings).domain

    async def send(self, message: EmailMessage) -> None:
        """Hands over one mail with one recipient within SES_TIMEOUT_SECONDS, and notes for `/health`
        how it went. Raises MailUnavailable (no answer, or "not now": 4xx; also when the server refuses
        us ourselves, which the operator can mend) and MailRefused (a permanent 5xx about this mail)."""
        started = time.perf_counter()
        try:
            await self._talk(message)
        except (MailRefused, MailUnavailable) as error:
            await self._note(error.trouble, started)
            raise
        await self._note(None, started)

    async def _note(self, trouble: str | None, started: float) -> None:
        await self._calls.record("mail", trouble, (time.perf_counter() - started) * 1000)

    async def _talk(self, message: EmailMessage) -> None:
        client = self._client()
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await client.connect()
                await _hand_over(client, message)
        except (OSError, aiosmtplib.SMTPException) as error:
            raise _verdict(error, str(message["To"])) from None  # it names the recipient; reports must not
        else:
            with suppress(OSError, aiosmtplib.SMTPException):  # the mail is on its way, however we part
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await client.quit()
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.ses_host,
            port=settings.ses_port,
            username=settings.ses_username,
            password=settings.ses_password,
            use_tls=settings.ses_security == "tls",
            start_tls=settings.ses_security == "starttls",
            timeout=settings.ses_timeout_seconds,
            local_hostname=self._own_name,
        )


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage) -> None:
    try:
        await client.send_message(message)
    except ValueError:
        raise MailRefused("The address can't be written on a command line") from None


def _verdict(error: Exception, recipient: str) -> MailRefused | MailUnavailable:
    """RFC 5321, section 4.2.1: 5yz is permanent. Only what is said about the recipient or the contents
    is about this mail; a refused login or sender is our own setting, wrong for all mails. Contents
    refused are trouble too: SES says so of senders it does not know."""
    kind = type(error).__name__
    said = error.recipients[0] if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error
    words = str(said)
    if isinstance(said, aiosmtplib.SMTPResponseException):
        words = f"{said.code} {said.message}"
    words = words.replace(recipient, "the recipient")
    if isinstance(said, aiosmtplib.SMTPRecipientRefused) and said.code >= 500:
        return MailRefused(words)
    if isinstance(said, aiosmtplib.SMTPDataError) and said.code >= 500:
        return MailRefused(words, kind)
    if isinstance(said, aiosmtplib.SMTPNotSupported):  # an address with letters this server does not know
        return MailRefused(words)
    return MailUnavailable(f"{kind}: {words}", kind)
