"""What DATABASE_URL says of TLS and hosts is obeyed, or the process does not start."""

import asyncio
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from databases import Database

from ops.local.postgres import SOCKET_NAME, TemporaryPostgres
from services.database import connection, open_database
from services.settings import DatabaseSettings, SettingError
from tests.conftest import PATIENT, needs_program
from tests.test_database import is_served

pytestmark = pytest.mark.anyio

_TLS_ASKED_FOR = struct.pack("!ii", 8, 80877103)


class Certificates:
    """`root` has signed that of the server on 127.0.0.1 and the client's; `stranger` has signed neither."""

    def __init__(self, folder: Path) -> None:
        self._openssl, self._folder = needs_program("openssl"), folder
        self.root, self._root_key = self._make("root")
        self.stranger, _ = self._make("stranger")
        self.server = self._make("server", "subjectAltName=IP:127.0.0.1")
        self.client = self._make("client", "extendedKeyUsage=clientAuth")

    def _make(self, name: str, extension: str | None = None) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        command = [self._openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-nodes", "-days", "2", "-subj", f"/CN={name}", "-out", str(certificate)]
        command += ["-keyout", str(key)]
        if extension is not None:
            command += ["-addext", extension, "-addext", "basicConstraints=critical,CA:FALSE"]
            command += ["-CA", str(self.root), "-CAkey", str(self._root_key)]
        subprocess.run(command, check=True, capture_output=True)
        return certificate, key


class Door:
    """A way to PostgreSQL by TCP. Our build of it can't do TLS: with certificates the door does, as the
    server would. `seen` holds of each caller whether by TLS, and the name on its certificate."""

    def __init__(self, server: TemporaryPostgres, certificates: Certificates | None) -> None:
        self._socket = server.cluster.sockets / SOCKET_NAME
        self._context: ssl.SSLContext | None = None
        if certificates is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificates.server)
            self._context.load_verify_locations(certificates.root)
            self._context.verify_mode = ssl.CERT_OPTIONAL
        self.seen: list[tuple[bool, str | None]] = []

    async def let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            inside, beyond = await asyncio.open_unix_connection(self._socket)
            try:
                beyond.write(await self._greeted(reader, writer))
                await asyncio.gather(_pass_on(reader, beyond), _pass_on(inside, writer))
            finally:
                beyond.close()
        writer.close()

    async def _greeted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """What the caller has said so far and the server has to answer."""
        asked = await reader.readexactly(8)
        if asked != _TLS_ASKED_FOR or self._context is None:
            self.seen.append((False, None))
            return asked
        writer.write(b"S")
        await writer.start_tls(self._context)
        shown = writer.get_extra_info("peercert")
        self.seen.append((True, shown["subject"][0][0][1] if shown else None))
        return b""


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while some := await source.read(65536):
        target.write(some)
        await target.drain()
    target.close()


@asynccontextmanager
async def _door(
    server: TemporaryPostgres, certificates: Certificates | None
) -> AsyncIterator[tuple[Door, str]]:
    door = Door(server, certificates)
    listening = await asyncio.start_server(door.let_in, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield door, f"postgresql://postgres@127.0.0.1:{port}/kiosk"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    async with open_database(url, DatabaseSettings.read(PATIENT), pool_max=1, name="tls") as database:
        yield database


async def _serves(url: str) -> bool:
    async with _opened(url) as database:
        return await is_served(database)


async def test_a_url_that_requires_tls_is_not_served_in_plain_text(
    postgres: TemporaryPostgres, certificates: Certificates
) -> None:
    async with _door(postgres, certificates) as (door, url):
        assert await _serves(f"{url}?sslmode=require")
        assert door.seen == [(True, None)]
    async with _door(postgres, None) as (_, url):
        assert not await _serves(f"{url}?sslmode=require")
        assert await _serves(url)


async def test_a_url_that_forbids_tls_is_served_in_plain_text(
    postgres: TemporaryPostgres, certificates: Certificates
) -> None:
    async with _door(postgres, certificates) as (door, url):
        assert await _serves(f"{url}?sslmode=disable")
        assert door.seen == [(False, None)]


async def test_a_server_is_who_its_certificate_says_or_is_not_served(
    postgres: TemporaryPostgres, certificates: Certificates
) -> None:
    async with _door(postgres, certificates) as (_, url):
        assert await _serves(f"{url}?sslmode=verify-full&sslrootcert={certificates.root}")
        assert not await _serves(f"{url}?sslmode=verify-full&sslrootcert={certificates.stranger}")
        assert not await _serves(f"{url}?sslmode=require&sslrootcert={certificates.stranger}")
        elsewhere = url.replace("127.0.0.1", "localhost")
        assert await _serves(f"{elsewhere}?sslmode=verify-ca&sslrootcert={certificates.root}")
        assert not await _serves(f"{elsewhere}?sslmode=verify-full&sslrootcert={certificates.root}")


async def test_a_server_sees_the_certificate_of_its_client(
    postgres: TemporaryPostgres, certificates: Certificates
) -> None:
    certificate, key = certificates.client
    async with _door(postgres, certificates) as (door, url):
        assert await _serves(f"{url}?sslmode=require&sslcert={certificate}&sslkey={key}")
        assert door.seen == [(True, "client")]


async def test_of_several_servers_the_one_is_asked_that_has_what_is_wanted(
    postgres: TemporaryPostgres,
) -> None:
    async with _door(postgres, None) as (_, url):
        several = url.replace("@", "@127.0.0.1:1,")
        assert await _serves(f"{several}?target_session_attrs=read-write")
        assert not await _serves(f"{url}?target_session_attrs=standby")


async def test_options_are_told_to_the_session(database_url: str) -> None:
    url = f"{database_url}&options=-c%20geqo%3Doff"
    async with _opened(url) as database, connection(database, timeout_seconds=20) as raw:
        assert await raw.fetchval("SHOW geqo") == "off"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("sslmod=verify-full", "sslmod is nothing that it may say"),
        ("ssl=true", "ssl is nothing that it may say"),
        ("sslmode=", "sslmode is empty"),
        ("sslmode=verify", "sslmode may be disable, allow, prefer, require, verify-ca, verify-full"),
        ("sslmode=verify-full", "sslmode=verify-full needs sslrootcert"),
        ("sslrootcert=/dev/null", "sslrootcert needs sslmode to be require, verify-ca, verify-full"),
        ("sslkey=/dev/null", "sslkey needs sslcert"),
        ("target_session_attrs=master", "target_session_attrs may be any, primary"),
        ("sslmode=require&sslrootcert=/nowhere", "sslrootcert: /nowhere: No such file"),
        ("sslmode=require&sslrootcert=/dev/null", "sslrootcert: /dev/null: "),
        ("sslmode=require&sslcert=/dev/null", "sslcert: /dev/null: "),
    ],
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "JOBS_DATABASE_URL"])
def test_a_url_that_says_what_nobody_would_obey_ends_the_start(
    variable: str, said: str, problem: str
) -> None:
    url = f"postgresql://kiosk@db/kiosk?{said}"
    with pytest.raises(SettingError) as refused:
        open_database(url, DatabaseSettings.read({variable: url}), pool_max=1, name="refused")
    assert str(refused.value).startswith(f"kiosk: {variable}: {problem}")
