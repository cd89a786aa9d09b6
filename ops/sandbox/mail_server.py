"""The SMTP side of the mailbox: takes every mail from everyone, sends none on. Any login will do."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Annotated, Any, Literal

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from ops.sandbox import messages
from ops.sandbox.store import Store

logger = logging.getLogger("kiosk.sandbox.mail")

MAIL_BYTES_MAX = 10_000_000


class MailFault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to the next mails: `refuse` answers 451 (try again later), `hang` never answers,
    `lost_reply` keeps the mail and cuts the line. `times` None lasts until it is removed."""

    mode: Literal["refuse", "hang", "lost_reply"]
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None


class MailFaults:
    """One at a time."""

    def __init__(self) -> None:
        self.present: MailFault | None = None

    def take(self) -> str | None:
        fault = self.present
        if fault is None:
            return None
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self.present = None
        return fault.mode


class Catcher:
    """aiosmtpd's handler."""

    def __init__(self, store: Store, faults: MailFaults) -> None:
        self._store, self._faults = store, faults

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        mode = self._faults.take()
        if mode == "refuse":
            return "451 4.3.0 The mailbox was told to refuse this; try again later"
        if mode == "hang":
            await asyncio.Event().wait()  # until the client hangs up: then aiosmtpd cancels us
        raw = envelope.original_content or b""
        messages.keep(self._store, envelope.mail_from or "", envelope.rcpt_tos, raw)
        logger.info("mail caught", extra={"facts": {"bytes": len(raw)}})
        if mode == "lost_reply":
            transport: Any = server.transport  # typed as if it could not write
            transport.abort()
        return "250 2.0.0 Caught"


async def listen(store: Store, faults: MailFaults, opened: socket.socket) -> asyncio.Server:
    """Serves SMTP on a socket."""
    loop, catcher = asyncio.get_running_loop(), Catcher(store, faults)

    def protocol() -> SMTP:
        return SMTP(
            catcher,
            data_size_limit=MAIL_BYTES_MAX,
            enable_SMTPUTF8=True,
            hostname="mailbox.localhost",
            ident="Kiosk mailbox",
            auth_require_tls=False,
            authenticator=lambda *_: AuthResult(success=True),
            loop=loop,
        )

    return await loop.create_server(protocol, sock=opened)
