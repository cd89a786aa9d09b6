"""Each letter once: the receipt of an order, a parcel that left, a refund that succeeded.

A mail is noted, with its Message-ID, before it is sent, and marked after; one that is marked is never
sent again. Between the two nothing can help: when we crash after the server's yes, the next try
sends the mail a second time, under the same Message-ID. (Amazon SES puts its own in place of ours,
https://docs.aws.amazon.com/ses/latest/dg/header-fields.html, so there it shows as two.)
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress

import msgspec
from databases import Database

from services.checkout.mail.letters import Facts, Kind, Letters
from services.checkout.mail.mailer import Mailer
from services.database import connection
from services.errors import Conflict, DatabaseUnavailable, NotFound, ShopError, Unavailable
from services.queries import load_queries

logger = logging.getLogger("kiosk.mail")

_SQL = load_queries(__file__, "mails.sql")
_FACTS, _HOLD, _SENT, _LET_GO = _SQL["facts"], _SQL["hold"], _SQL["sent"], _SQL["let_go"]
_HOLD_MARGIN_SECONDS = 20.0  # for all that is not the talk with the server


class MailHeld(Unavailable):
    """Another worker is sending this very mail, or died doing it a moment ago."""

    slug, title = "mail-held", "This mail is being sent"


async def send_receipt(database: Database, mailer: Mailer, letters: Letters, order_id: uuid.UUID) -> None:
    """Tells that the order is paid. Sends nothing when that has been sent. Raises MailUnavailable,
    MailHeld and DatabaseUnavailable, all to be tried again; MailRefused, NotFound, and Conflict when
    there is nothing to tell yet."""
    await _send(database, mailer, letters, "receipt", order_id)


async def send_shipped(
    database: Database, mailer: Mailer, letters: Letters, fulfilment_id: uuid.UUID
) -> None:
    """Tells that a parcel has left, and what is still to come. Raises as `send_receipt`."""
    await _send(database, mailer, letters, "shipped", fulfilment_id)


async def send_refunded(database: Database, mailer: Mailer, letters: Letters, refund_id: uuid.UUID) -> None:
    """Tells that money was given back. Raises as `send_receipt`."""
    await _send(database, mailer, letters, "refunded", refund_id)


async def _send(database: Database, mailer: Mailer, letters: Letters, kind: Kind, about: uuid.UUID) -> None:
    facts = await _facts(database, kind, about)
    if facts.sent:
        return
    hold_seconds = mailer.timeout_seconds + _HOLD_MARGIN_SECONDS
    async with connection(database) as raw:
        message_id = await raw.fetchval(
            _HOLD, facts.order_id, kind, about, letters.message_id(kind, str(about)), hold_seconds
        )
    if message_id is None:
        raise MailHeld()
    try:
        await mailer.send(letters.write(kind, facts, message_id))
    except ShopError as error:
        with suppress(DatabaseUnavailable):  # then the hold ends by itself
            async with connection(database) as raw:
                await raw.execute(_LET_GO, kind, about, _storable(f"{type(error).__name__}: {error}"))
        raise
    async with connection(database) as raw:
        await raw.execute(_SENT, kind, about)
    logger.info("mail sent", extra={"facts": {"kind": kind, "order": facts.number}})


async def _facts(database: Database, kind: Kind, about: uuid.UUID) -> Facts:
    async with connection(database) as raw:
        answer = await raw.fetchval(_FACTS, kind, about)
    if answer is None:
        raise NotFound(f"There is nothing to write a {kind} mail about")
    facts = msgspec.json.decode(answer, type=Facts)
    unpaid = kind == "receipt" and facts.paid_at is None
    unrefunded = facts.refund is not None and facts.refund.state != "succeeded"
    if unpaid or unrefunded:
        raise Conflict(f"There is nothing to write a {kind} mail about yet")
    return facts


def _storable(text: str) -> str:
    """A mail server may say anything; PostgreSQL's text knows neither NUL nor lone surrogates."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:500]
