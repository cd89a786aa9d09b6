"""The certificate that the public door shows, made by openssl and shown by a real TLS server."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.health.certificate import certificate, ends_at, judge
from services.settings import HealthSettings
from tests.conftest import needs_program
from tests.health.doors import health_settings

pytestmark = pytest.mark.anyio
Door = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    openssl = needs_program("openssl")

    @asynccontextmanager
    async def shows(days: int, name: str = "shop.example") -> AsyncIterator[str]:
        files = tmp_path / "certificate.pem", tmp_path / "key.pem"
        wanted = ["-subj", f"/CN={name}", "-days", str(days), "-newkey", "rsa:2048", "-nodes"]
        subprocess.run(
            [openssl, "req", "-x509", *wanted, "-out", files[0], "-keyout", files[1]],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)

        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as serving:
            yield f"127.0.0.1:{serving.sockets[0].getsockname()[1]}"

    return shows


def _settings(address: str | None = None) -> HealthSettings:
    return health_settings(certificate_address=address, certificate_days_min=14)


async def test_a_certificate_with_time_left_is_ok_and_says_until_when(door: Door) -> None:
    async with door(90) as address:
        finding = await certificate(_settings(), f"https://{address}")()
    assert (finding.status, finding.detail["reasons"]) == ("ok", [])
    assert 88 < finding.detail["days_left"] <= 90


async def test_one_that_ends_soon_is_degraded_and_one_that_ended_is_down(door: Door, tmp_path: Path) -> None:
    async with door(5) as address:
        finding = await certificate(_settings(), f"https://{address}")()
    assert (finding.status, finding.detail["reasons"]) == ("degraded", ["ends in 5 days"])
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "certificate.pem").read_text())
    later = judge(der, datetime.now(UTC) + timedelta(days=6), 14)
    assert later.status == "down"
    assert later.detail["reasons"] == [f"expired on {ends_at(der):%Y-%m-%d}"]


async def test_what_traefik_shows_without_a_certificate_is_told_as_such(door: Door) -> None:
    async with door(300, "TRAEFIK DEFAULT CERT") as address:
        finding = await certificate(_settings(), f"https://{address}")()
    assert finding.status == "degraded"
    assert "Traefik has no certificate" in finding.detail["reasons"][0]


async def test_the_door_within_is_asked_first_and_a_proxys_where_it_speaks_no_tls(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.health.certificate._WITHIN_SECONDS", 20.0)

    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with door(90) as address, await asyncio.start_server(plain, "127.0.0.1", 0) as serving:
        within = f"127.0.0.1:{serving.sockets[0].getsockname()[1]}"
        assert (await certificate(_settings(address), "https://127.0.0.1:1")()).status == "ok"
        assert (await certificate(_settings(within), f"https://{address}")()).status == "ok"


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x03abc", b"\x30\x84\xff\xff\xff\xff", b"HTTP/1.1 400"])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ends_at(der)
