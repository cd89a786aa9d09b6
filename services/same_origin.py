"""Only our own pages may send our forms; and no other site's page may change anything by the JSON API.

A browser says where a request comes from, so no token is needed. As Go's http.CrossOriginProtection
does it (https://words.filippo.io/csrf/): Sec-Fetch-Site where the browser sends it, else Origin. Stricter in
one thing, as OWASP's cheat sheet on CSRF advises: a form that comes with neither is refused. The API, which
programs call, takes such a request: only a browser can be made to send what its owner does not know of.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from services.errors import Forbidden

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ForeignForm(Forbidden):
    slug, title = "foreign-form", "This form was sent from another site"


class ForeignRequest(Forbidden):
    slug, title = "foreign-request", "This request was sent by another site's page"


def require_same_origin(request: Request, public_url: str) -> None:
    """Raises ForeignForm. Browsers leave Sec-Fetch-Site out of plain http to another name than
    localhost; there the name the shop was called by counts too, so it can be tried out in a home network."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignForm()
        return
    public = urlsplit(public_url)
    called = f"{public.scheme}://{request.headers.get('host', '')}"
    if request.headers.get("origin") not in (f"{public.scheme}://{public.netloc}", called):
        raise ForeignForm()


def refuse_other_sites(request: Request) -> None:
    """Raises ForeignRequest when a browser sends this for another site and it could change something."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignRequest()
        return
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ForeignRequest()
