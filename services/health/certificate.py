"""When the public door's certificate ends, whoever signed it: one of an authority that only a proxy in front
of the store trusts is as good here."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from services.health.monitor import Finding
from services.settings import HealthSettings

EVERY_SECONDS = 600.0
TIMEOUT_SECONDS = 5.0
_WITHIN_SECONDS = 2.0
_UTC_TIME, _VERSION = 0x17, 0xA0
_TRAEFIKS_OWN = b"TRAEFIK DEFAULT CERT"  # what it shows while it has none for the name


def certificate(settings: HealthSettings, public_url: str) -> Callable[[], Awaitable[Finding]]:
    """Degraded when it ends within CERTIFICATE_DAYS_MIN, or is Traefik's stopgap; down when it has ended.
    Asked at CERTIFICATE_ADDRESS first where that is set: not every network leads a packet back to its own
    door. Where the door within speaks no TLS, it is a proxy in front that shows the certificate."""
    public = urlsplit(public_url)
    name = public.hostname or ""
    within = [urlsplit(f"//{settings.certificate_address}")] if settings.certificate_address else []
    doors = [(door.hostname or name, door.port or 443) for door in (*within, public)]

    async def look() -> Finding:
        shown = await _shown_at(doors, name)
        return judge(shown, datetime.now(UTC), settings.certificate_days_min)

    return look


async def _shown_at(doors: Sequence[tuple[str, int]], name: str) -> bytes:
    """Of the first door that shows one. Raises OSError."""
    for address, port in doors[:-1]:
        try:
            async with asyncio.timeout(_WITHIN_SECONDS):
                return await _shown(address, port, name)
        except OSError:
            continue
    return await _shown(*doors[-1], name)


async def _shown(address: str, port: int, name: str) -> bytes:
    """The certificate (DER) that the door shows for a name. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # rule: switched-off, because it is looked at and told nothing
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    try:
        encrypted: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return encrypted.getpeercert(binary_form=True) or b""
    finally:
        writer.close()


def judge(shown: bytes, now: datetime, days_min: int) -> Finding:
    """`shown` is DER. Raises ValueError when it is no certificate."""
    ends = ends_at(shown)
    days = (ends - now).total_seconds() / 86400
    reasons = []
    if _TRAEFIKS_OWN in shown:
        reasons.append("Traefik has no certificate for the store's name and shows its own")
    if days <= 0:
        reasons.append(f"expired on {ends:%Y-%m-%d}")
    elif days < days_min:
        reasons.append(f"ends in {days:.0f} days")
    detail = {"ends": ends.isoformat(), "days_left": round(days, 1), "reasons": reasons}
    return Finding("down" if days <= 0 else "degraded" if reasons else "ok", detail)


def ends_at(der: bytes) -> datetime:
    """`notAfter` of an X.509 certificate (RFC 5280, section 4.1). Raises ValueError."""
    try:
        signed = _content(_content(der, 0), 0)
        at = _after(signed, 0) if signed[0] == _VERSION else 0
        for _ in range(3):  # serial number, signature algorithm, issuer
            at = _after(signed, at)
        validity = _content(signed, at)
        not_after = _after(validity, 0)
        text = _content(validity, not_after).decode("ascii")
        if validity[not_after] == _UTC_TIME:  # two digits: 1950 to 2049
            text = ("19" if text >= "50" else "20") + text
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("not a certificate") from error


def _span(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends (X.690, section 8.1)."""
    length, begins = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, begins = int.from_bytes(der[begins : begins + count], "big"), begins + count
    if begins + length > len(der):
        raise ValueError("not a certificate")
    return begins, begins + length


def _content(der: bytes, at: int) -> bytes:
    begins, ends = _span(der, at)
    return der[begins:ends]


def _after(der: bytes, at: int) -> int:
    return _span(der, at)[1]
