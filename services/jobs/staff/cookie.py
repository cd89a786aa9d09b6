"""How a browser carries its session.

Over https the name says `__Host-`: a browser then takes it only from this very host, for all of it and with
Secure (RFC 6265bis, section 4.1.3.2). Lax, not Strict: a link to a job in a chat or an alert must not lead to
the login; whatever changes something wants a CSRF token besides.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def cookie_name(public_url: str) -> str:
    return "__Host-staff" if _is_secure(public_url) else "staff"


def _is_secure(public_url: str) -> bool:
    return public_url.startswith("https://")


def session_token(request: Request, public_url: str) -> str | None:
    """What the browser shows; None for what no session's token can be."""
    found = request.cookies.get(cookie_name(public_url), "")
    return found if _TOKEN.fullmatch(found) else None


def set_session(response: Response, public_url: str, token: str, max_age_seconds: int) -> None:
    response.set_cookie(
        cookie_name(public_url),
        token,
        max_age=max_age_seconds,
        path="/",
        secure=_is_secure(public_url),
        httponly=True,
        samesite="lax",
    )


def forget_session(response: Response, public_url: str) -> None:
    response.delete_cookie(
        cookie_name(public_url), "/", secure=_is_secure(public_url), httponly=True, samesite="lax"
    )
