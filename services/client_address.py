"""Where a request comes from, as X-Forwarded-For tells it.

Traefik drops what strangers write there and appends the address it was called from; behind a proxy of
TRUSTED_PROXIES it keeps what that one says, which may begin with whatever the client made up. So the list is
read from its end, past the proxies we trust.
"""

from __future__ import annotations

import logging
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from services.settings import SettingError

logger = logging.getLogger("kiosk.client_address")

Proxies: TypeAlias = tuple[IPv4Network | IPv6Network, ...]

# All who have no address that we can read, together: a rule by address has to count them on something.
UNKNOWN = "unknown"
_SHOWN_CHARACTERS_MAX = 100
_said: list[str] = []


def read_proxies(text: str) -> Proxies:
    """`10.0.0.1, 10.1.0.0/16`. Raises SettingError."""
    try:
        return tuple(ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise SettingError("TRUSTED_PROXIES", str(error)) from None


def client_address(
    forwarded_for: str | None, peer: tuple[str, int] | None, proxies: Proxies, *, internal: bool = False
) -> str | None:
    """The client's address as it is counted. Without the header our caller's own; UNKNOWN where there is none
    or it can't be read. `internal`: the last address is the calling service's, which passed on what it
    was told; None when it asks for nobody but itself."""
    named = [one.strip() for one in (forwarded_for or "").split(",") if one.strip()]
    if internal:
        named = named[:-1]
    elif not named:
        named = [peer[0] if peer else ""]
    while named:
        text = named.pop()
        address = _read(text)
        if address is None:
            _say_unreadable(forwarded_for or text)
            return UNKNOWN
        if named and any(address in network for network in proxies):
            continue
        return _counted(address)
    return None


def counted_address(text: str) -> str | None:
    """An address as it is counted: of IPv6 its network (/64), for that is what one household or machine has
    to choose from. None for what is no address."""
    address = _read(text)
    return None if address is None else _counted(address)


def _counted(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address.packed, 64), strict=False))
    return str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """`192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`: some proxies name the port, too."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _say_unreadable(text: str) -> None:
    """Once per process: a proxy that writes one writes them all."""
    if not _said:
        _said.append(text)
        facts = {"x_forwarded_for": text[-_SHOWN_CHARACTERS_MAX:]}
        logger.warning("no address can be read; all such requests are counted as one", extra={"facts": facts})
