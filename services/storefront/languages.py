"""The languages the shop speaks, and which one a request is answered in.

A shopper's own choice (a cookie, set by the switch on every page) counts first, then what the
browser asks for (`Accept-Language`), then English. An address is the same in all languages, so
every page varies by both headers; `rendering.py` says so on what caches may keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from babel import Locale
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "kiosk_language"
VARIES = b"Accept-Language, Cookie"

# RFC 9110, sections 12.4.2 and 12.5.4: a language range and its weight.
_RANGE = re.compile(r"\s*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]=([01](?:\.[0-9]{0,3})?)\s*)?")
_RANGES_MAX = 30  # a longer header is no browser's


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is a BCP 47 tag, `name` what its speakers call it. `day_locale` is whose dates are
    written: `3 February 2026` is English in more places than `February 3, 2026`."""

    code: str
    name: str
    locale: Locale
    day_locale: Locale

    @property
    def territory_locale(self) -> str:
        """`en_GB`, `de_DE`: as Open Graph names languages."""
        return str(self.day_locale)


ENGLISH = Language("en", "English", Locale("en"), Locale("en", "GB"))
GERMAN = Language("de", "Deutsch", Locale("de"), Locale("de", "DE"))
LANGUAGES = (ENGLISH, GERMAN)
BY_CODE = {language.code: language for language in LANGUAGES}

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)
_path: ContextVar[str] = ContextVar("path", default="/")


def current_language() -> Language:
    """The language of the request at hand; English outside of one."""
    return _current.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """All that is said inside is said in this language."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def current_path() -> str:
    """Where a shopper who switches the language comes back to: the request's path and query. An answer
    to a form has no address of its own; the page of the form has the path's first part."""
    return _path.get()


def chosen_language(accept_language: str, cookie: str = "") -> Language:
    """The language for these headers. Never fails: what can't be read is as if it were not there."""
    return BY_CODE.get(_choice_in(cookie)) or _accepted(accept_language) or ENGLISH


def _choice_in(cookie: str) -> str:
    return cookie_parser(cookie).get(COOKIE, "") if COOKIE in cookie else ""


def _accepted(header: str) -> Language | None:
    """Lookup as in RFC 4647, section 3.4: by falling weight, each range cut from its end until we
    speak it. `*` stands for any language that is not named otherwise; weight 0 refuses."""
    weights = _weights(header)
    for wanted in sorted((r for r in weights if weights[r] > 0), key=lambda r: -weights[r]):
        if wanted == "*":
            others = (language for language in LANGUAGES if language.code not in weights)
            if found := next(others, None):
                return found
            continue
        tag = wanted
        while tag:
            if tag in BY_CODE and weights.get(tag) != 0:
                return BY_CODE[tag]
            tag = tag.rpartition("-")[0]
    return None


def _weights(header: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in header.split(",", _RANGES_MAX)[:_RANGES_MAX]:
        if match := _RANGE.fullmatch(part):
            weights.setdefault(match[1].lower(), min(1.0, float(match[2] or 1)))
    return weights


class RequestLanguage:
    """Binds the language for all that answers the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _path.set(_path_of(scope))
        try:
            with speaking(_language_of(scope)):
                await self._app(scope, receive, send)
        finally:
            _path.reset(path)


def _language_of(scope: Scope) -> Language:
    accept, cookies = [], []
    for name, value in scope["headers"]:
        if name == b"accept-language":
            accept.append(value.decode("latin-1"))
        elif name == b"cookie":
            cookies.append(value.decode("latin-1"))
    return chosen_language(",".join(accept), "; ".join(cookies))


def _path_of(scope: Scope) -> str:
    path: str = (scope.get("raw_path") or b"/").decode("latin-1").partition("?")[0]
    if scope["method"] not in ("GET", "HEAD"):
        return "/" + path.removeprefix("/").split("/")[0]  # of "*" (OPTIONS) too, which has no slash
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
