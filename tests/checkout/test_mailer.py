"""The talk with a mail server: what is tried again, what is given up, and what is never said in clear."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from databases import Database

from services.checkout.mail.mailer import Mailer, MailRefused, MailUnavailable
from services.checkout.outside_calls import OutsideCalls
from services.errors import meaning_of
from services.settings import MailSettings
from tests.conftest import needs_program

pytestmark = pytest.mark.anyio


class Answers:
    """aiosmtpd's handler: says what the test wants, keeps what it takes."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken: list[Envelope] = []
        self.encrypted: list[bool] = []

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "mail" in self.answers:
            return self.answers["mail"]
        self.encrypted.append(session.ssl is not None)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "rcpt" in self.answers:
            return self.answers["rcpt"]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "data" in self.answers:
            return self.answers["data"]
        self.taken.append(envelope)
        return "250 OK"


@asynccontextmanager
async def _server(
    handler: Answers, *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> AsyncIterator[int]:
    """A mail server on a free port of this machine."""
    loop = asyncio.get_running_loop()
    starttls = None if implicit else tls

    def protocol() -> SMTP:
        return SMTP(handler, hostname="mail.test", loop=loop, tls_context=starttls, **options)

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost in one file, signed by itself."""
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(file), "-out", f"{file}.crt", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([needs_program("openssl"), "req", "-x509", *made, *names], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def _settings(port: int, **changes: Any) -> MailSettings:
    plain = MailSettings(
        ses_host="localhost",
        ses_port=port,
        ses_security="none",
        ses_sender="Kiosk <orders@kiosk.example>",
        ses_timeout_seconds=20,
    )
    return msgspec.structs.replace(plain, **changes)


def _message(to: str = "ada@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Kiosk <orders@kiosk.example>", to, "Größe"
    message.set_content("Grüße\n")
    return message


async def _noted(owner: asyncpg.Connection) -> tuple[int, str | None]:
    row = await owner.fetchrow("SELECT failures, error FROM checkout.outside_calls WHERE name = 'mail'")
    assert row is not None
    return row["failures"], row["error"]


async def _send(database: Database, port: int, to: str = "ada@example.com", **changes: Any) -> None:
    await Mailer(_settings(port, **changes), OutsideCalls(database)).send(_message(to))


async def test_a_mail_arrives_whole(database: Database, owner: asyncpg.Connection) -> None:
    handler = Answers()
    async with _server(handler) as port:
        await _send(database, port)
    [envelope] = handler.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("orders@kiosk.example", ["ada@example.com"])
    assert await _noted(owner) == (0, None)


@pytest.mark.parametrize(
    ("step", "answer", "error", "noted"),
    [
        ("rcpt", "550 5.1.1 No such mailbox: ada@example.com", MailRefused, (0, None)),
        ("data", "554 Message rejected", MailRefused, (1, "SMTPDataError")),
        ("rcpt", "450 4.2.0 Greylisted", MailUnavailable, (1, "SMTPRecipientsRefused")),
        ("data", "454 Throttling failure", MailUnavailable, (1, "SMTPDataError")),
        ("mail", "530 Sender not verified", MailUnavailable, (1, "SMTPSenderRefused")),
    ],
)
async def test_what_the_server_says_decides_whether_to_try_again(
    database: Database,
    owner: asyncpg.Connection,
    step: str,
    answer: str,
    error: type[MailRefused | MailUnavailable],
    noted: tuple[int, str | None],
) -> None:
    handler = Answers(**{step: answer})
    async with _server(handler) as port:
        with pytest.raises(error, match=answer[:3]) as raised:
            await _send(database, port)
    assert meaning_of(raised.value).retry is (error is MailUnavailable)
    report = "".join(traceback.format_exception(raised.value))
    assert "ada@example.com" not in report
    assert await _noted(owner) == noted


async def test_a_server_without_utf8_addresses_refuses_one_for_good(
    database: Database, owner: asyncpg.Connection
) -> None:
    async with _server(Answers()) as port:
        with pytest.raises(MailRefused):
            await _send(database, port, to="größe@example.com")
    assert await _noted(owner) == (0, None)


async def test_a_server_with_utf8_addresses_takes_one(database: Database) -> None:
    handler = Answers()
    async with _server(handler, enable_SMTPUTF8=True) as port:
        await _send(database, port, to="größe@example.com")
    assert handler.taken[0].rcpt_tos == ["größe@example.com"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_login_and_mail_go_encrypted(
    database: Database,
    tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    security: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    handler, logins = Answers(), []

    def log_in(*arguments: Any) -> AuthResult:
        logins.append(arguments[-1])
        return AuthResult(success=True)

    implicit = security == "tls"
    async with _server(
        handler,
        tls=tls,
        implicit=implicit,
        require_starttls=not implicit,
        auth_required=not implicit,
        auth_require_tls=not implicit,
        authenticator=log_in,
    ) as port:
        await _send(database, port, ses_security=security, ses_username="kiosk", ses_password="pass")
    assert logins == [LoginPassword(b"kiosk", b"pass")]
    assert len(handler.taken) == 1
    assert implicit or handler.encrypted == [True]


async def test_a_server_without_starttls_gets_nothing_in_clear(database: Database) -> None:
    handler = Answers()
    async with _server(handler) as port:
        with pytest.raises(MailUnavailable, match="STARTTLS"):
            await _send(database, port, ses_security="starttls")
    assert handler.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_nobody_vouches_for_is_not_trusted(
    database: Database, owner: asyncpg.Connection, tls: ssl.SSLContext, security: str
) -> None:
    handler = Answers()
    async with _server(handler, tls=tls, implicit=security == "tls") as port:
        with pytest.raises(MailUnavailable):
            await _send(database, port, ses_security=security)
    assert handler.taken == []
    assert (await _noted(owner))[0] == 1


async def test_a_refused_login_is_ours_to_mend_and_tried_again(
    database: Database, owner: asyncpg.Connection
) -> None:
    async with _server(
        Answers(),
        auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    ) as port:
        with pytest.raises(MailUnavailable, match="535"):
            await _send(database, port, ses_username="kiosk", ses_password="wrong")
    assert await _noted(owner) == (1, "SMTPAuthenticationError")


async def test_a_talk_cut_short_by_a_stopping_worker_notes_nothing(
    database: Database, owner: asyncpg.Connection
) -> None:
    arrived = asyncio.Event()

    class Slow(Answers):
        async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
            arrived.set()
            await asyncio.Event().wait()
            return "250 OK"

    async with _server(Slow()) as port:
        sending = asyncio.create_task(_send(database, port))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert await owner.fetchval("SELECT succeeded_at IS NULL FROM checkout.outside_calls WHERE name = 'mail'")
    assert await _noted(owner) == (0, None)
