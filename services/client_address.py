"""Where a request comes from, as X-Forwarded-For tells it.

Traefik drops what strangers write there and appends the address it was called from; behind a proxy of
TRUSTED_PROXIES it keeps what that one says, which may begin with whatever the client made up. So the list is
read from its end, past the proxies we trust.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from services.settings import SettingError

Proxies: TypeAlias = tuple[IPv4Network | IPv6Network, ...]


def read_proxies(text: str) -> Proxies:
    """`10.0.0.1, 10.1.0.0/16`. Raises SettingError."""
    try:
        return tuple(ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise SettingError("TRUSTED_PROXIES", str(error)) from None


def client_address(
    forwarded_for: str | None, peer: tuple[str, int] | None, proxies: Proxies, *, internal: bool = False
) -> str | None:
    """The client's address: of IPv6 its network (/64), for that is what one household or machine has to
    choose from. Without the header our caller's own. None where there is none. `internal`: the last address
    is the calling service's, which passed on what it was told; None when it asks for nobody but itself."""
    named = [one.strip() for one in (forwarded_for or "").split(",") if one.strip()]
    if internal:
        named = named[:-1]
    elif peer is not None and not named:
        named = [peer[0]]
    while named:
        try:
            address = ip_address(named.pop().removeprefix("[").removesuffix("]"))
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if named and any(address in network for network in proxies):
            continue
        if isinstance(address, IPv6Address):
            return str(ip_network((address.packed, 64), strict=False))
        return str(address)
    return None
