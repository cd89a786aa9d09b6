"""Nothing that a deploy prints holds a secret: every line of a log, of a hook and of an error goes through
`redact` first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ops.console import OperatorError
from ops.deploy.destination import ROOT, Destination
from ops.deploy.render import secret_contents

HIDDEN = "***"
_LENGTH_MIN = 4  # what is shorter is no secret, and part of ordinary words
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)", re.IGNORECASE)
_OUR_OWN = ("REGISTRY_PASSWORD",)


def secret_words(destination: Destination, folder: Path = ROOT) -> frozenset[str]:
    """Every text that must not be seen: the destination's secrets, what is derived from them, and the
    passwords in their URLs, as they are and as URLs write them."""
    try:
        contents = secret_contents(destination, folder)
        values = [content.decode(errors="replace") for content in contents.values()]
    except (OperatorError, SystemExit, OSError, KeyError):  # half-filled: hide what is there
        values = [value for name, value in destination.variables.items() if _sounds_secret(name)]
    values += [value for name in _OUR_OWN if (value := destination.value(name)) is not None]
    words: set[str] = set()
    for value in values:
        words |= _forms(value)
    return frozenset(word for word in words if len(word) >= _LENGTH_MIN)


def redact(text: str, words: Iterable[str]) -> str:
    """The text without any of the words, and without the password of any URL."""
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}", text)


def _forms(value: str) -> set[str]:
    forms = {value, *value.split(","), *value.splitlines()}
    if "://" not in value:
        return {form.strip() for form in forms}
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return forms
    # The rest of an address (host, database) may be told, so of a URL only the password is hidden.
    return {password, unquote(password), quote(unquote(password), safe="")} if password else {value}


def _sounds_secret(name: str) -> bool:
    return any(part in name for part in ("KEY", "SECRET", "PASSWORD", "DSN", "_URL"))
