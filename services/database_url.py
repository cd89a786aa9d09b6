"""What the URL of a database may say besides host, account and name: libpq's parameters, as far as all who
read it obey them. A misspelt `sslmode` must not end in plain text.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from asyncpg.connect_utils import SessionAttribute, SSLMode

from services.settings import DatabaseSettings, SettingError

_PARAMETERS = (
    *("host", "port", "options", "target_session_attrs"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey"),
)
_MODES = tuple(mode.name.replace("_", "-") for mode in SSLMode)
_MODES_THAT_VERIFY = ("require", "verify-ca", "verify-full")  # the first one if there is a root


def check_url(url: str, settings: DatabaseSettings) -> None:
    """Raises SettingError where the URL says what nobody would obey, or names a file that can't be used."""
    said = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if problem := _misunderstood(said) or _missed(said) or _unusable(said):
        variables = settings.variables()
        named = (variable for variable in variables if getattr(settings, variable.lower()) == url)
        raise SettingError(next(named, "DATABASE_URL"), problem)


def one_host(url: str) -> str:
    """The same URL with several hosts as a parameter: `databases` reads one host and one port, else none."""
    parts = urlsplit(url)
    account, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return url
    query = "&".join(filter(None, (f"host={quote(hosts)}", parts.query)))
    return urlunsplit(parts._replace(netloc=account + at, query=query))


def _misunderstood(said: Mapping[str, str]) -> str | None:
    for name, value in said.items():
        if name not in _PARAMETERS:
            return f"{name} is nothing that it may say; these are: {', '.join(_PARAMETERS)}"
        if not value:
            return f"{name} is empty"
    for name, choices in (("sslmode", _MODES), ("target_session_attrs", tuple(SessionAttribute))):
        if said.get(name, choices[0]) not in choices:
            return f"{name} may be {', '.join(choices)}"
    return None


def _missed(said: Mapping[str, str]) -> str | None:
    mode = said.get("sslmode", "prefer")
    if mode.startswith("verify") and "sslrootcert" not in said:
        return f"sslmode={mode} needs sslrootcert"
    if "sslrootcert" in said and mode not in _MODES_THAT_VERIFY:
        return f"sslrootcert needs sslmode to be {', '.join(_MODES_THAT_VERIFY)}"
    if "sslkey" in said and "sslcert" not in said:
        return "sslkey needs sslcert"
    return None


def _unusable(said: Mapping[str, str]) -> str | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    uses: dict[str, Callable[[str], None]] = {
        "sslrootcert": context.load_verify_locations,
        "sslcert": partial(context.load_cert_chain, keyfile=said.get("sslkey"), password=""),
    }
    for name, use in uses.items():
        try:
            if path := said.get(name):
                use(path)
        except OSError as error:  # and whatever TLS says, which is one
            return f"{name}: {path}: {error.strerror or error}"
    return None
