"""What a rule can go by: the request as it is known before anybody has worked on it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from services.client_address import UNKNOWN
from services.settings import SettingError

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]

_CART_ORDER = re.compile(r"/api/checkout/carts/([^/]+)/order")
# What is asked for only by those who look for somebody else's holes, as whole names: none is a page of ours.
_HOLES = re.compile(
    r"/(?:\.(?:env|git|svn|aws|ssh|htpasswd)|wp-(?:login|admin|content|includes|config)|xmlrpc\.php|phpmyadmin"
    r"|cgi-bin|vendor/phpunit|actuator|etc/passwd)(?:$|[/.])",
    re.IGNORECASE,
)
# Where the last name is the shopkeeper's to choose: a product may be called phpmyadmin.
_NAMED = re.compile(
    r"/(?:products|categories|api/catalog/products|api/checkout/carts/[^/]+/lines)/[^/.][^/]*"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """`address` as client_address.py gives it: of IPv6 the /64, or UNKNOWN. `internal`: a service of ours
    asks, on behalf of whoever is at `address`."""

    method: str
    path: str
    address: str | None
    internal: bool = False
    idempotency_key: str | None = None
    probe_key: str | None = None
    admin: bool = False  # carries the right ADMIN_API_KEY
    foreign: bool = False  # a browser asks because another site's page told it to


def hashed(*parts: str) -> str:
    """Of what must not be readable in Redis, PostgreSQL or a list: an email, or the id of a cart."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def by_address(asked: Asked) -> str | None:
    return asked.address


def by_cart(asked: Asked) -> str | None:
    match = _CART_ORDER.fullmatch(asked.path)
    return hashed(match[1]) if match else None


def same_key(asked: Asked) -> str | None:
    """A replay: the same Idempotency-Key for the same thing."""
    return hashed(asked.path, asked.idempotency_key) if asked.idempotency_key else None


def is_order(asked: Asked) -> bool:
    return asked.method == "POST" and _CART_ORDER.fullmatch(asked.path) is not None


def opens_cart(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path == "/api/checkout/carts"


def is_suggest(asked: Asked) -> bool:
    return _reads(asked) and asked.path == "/api/catalog/suggest"


def is_sitemap(asked: Asked) -> bool:
    """A part of it: catalog walks up to 50,000 products for one."""
    return _reads(asked) and asked.path.startswith("/sitemaps/")


def is_other_read(asked: Asked) -> bool:
    """Not what never reaches a database and is kept by browsers: a page has thirty of those."""
    return _reads(asked) and not is_suggest(asked) and not asked.path.startswith(("/assets/", "/pictures/"))


def is_write(asked: Asked) -> bool:
    return not _reads(asked) and not is_webhook(asked)


def is_webhook(asked: Asked) -> bool:
    return asked.path == "/webhooks/payments"


def is_admins(asked: Asked) -> bool:
    return asked.path.startswith(("/api/checkout/admin/", "/api/catalog/admin/"))


def has_admin_key(asked: Asked) -> bool:
    return asked.admin


def looks_for_holes(asked: Asked) -> bool:
    return _HOLES.search(asked.path) is not None and _NAMED.fullmatch(asked.path) is None


def _reads(asked: Asked) -> bool:
    return asked.method in ("GET", "HEAD", "OPTIONS")


def has_probe_key(key: str | None) -> Callable[[Asked], bool]:
    """The deploy's own probe shows its key."""

    def matches(asked: Asked) -> bool:
        given = asked.probe_key
        return key is not None and given is not None and hmac.compare_digest(given.encode(), key.encode())

    return matches


def is_from(variable: str, text: str) -> Callable[[Asked], bool]:
    """From `192.0.2.7, 198.51.100.0/24`. Raises SettingError with the variable's name."""
    try:
        networks: Networks = tuple(
            ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip()
        )
    except ValueError as error:
        raise SettingError(variable, str(error)) from None

    def matches(asked: Asked) -> bool:
        if not networks or asked.address in (None, UNKNOWN):
            return False
        address = ip_network(asked.address)
        return any(address.version == network.version and address.overlaps(network) for network in networks)

    return matches
