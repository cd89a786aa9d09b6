"""Only our own pages may send our forms.

A browser says where a request comes from, so no token is needed. As Go's http.CrossOriginProtection
does it (https://words.filippo.io/csrf/): Sec-Fetch-Site where the browser sends it, else Origin. Stricter in
one thing, as OWASP's cheat sheet on CSRF advises: a form that comes with neither is refused.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from services.errors import Forbidden


class ForeignForm(Forbidden):
    slug, title = "foreign-form", "This form was sent from another site"


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
