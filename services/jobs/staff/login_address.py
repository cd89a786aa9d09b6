"""Where the login is, and where it leads afterwards: only ever to a path of this very site."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.responses import RedirectResponse

LOGIN, HOME = "/jobs/login", "/jobs"
_LENGTH_MAX = 2000


def local_path(wanted: str) -> str:
    """A path of ours as it is, HOME for all else. Browsers read `//host` and `/\\host` as another site, and
    drop tabs and line ends before they read at all."""
    printable = all(" " < sign <= "~" for sign in wanted)
    if not printable or "\\" in wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return HOME
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or len(wanted) > _LENGTH_MAX or parts.path == LOGIN:
        return HOME
    return wanted


def login_address(next_path: str = HOME) -> str:
    wanted = local_path(next_path)
    return LOGIN if wanted == HOME else f"{LOGIN}?next={quote(wanted, safe='/')}"


def see_other(path: str) -> RedirectResponse:
    """On to a page that may be reloaded without sending the form again."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
