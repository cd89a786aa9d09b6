"""How a browser carries its cart: the cart's id in a cookie that no script can read, and the number of
articles in another, for the page's header: pages are kept by caches, so they can't say it themselves."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from services.storefront.checkout_client import Cart

ARTICLES = "kiosk_articles"
_MAX_AGE_SECONDS = 30 * 24 * 3600
_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")


class CartCookie:
    """Over https the name says `__Host-`: a browser then takes it only from this very host, for all of
    it and with Secure (RFC 6265bis, section 4.1.3.2)."""

    def __init__(self, public_url: str) -> None:
        self._secure = public_url.startswith("https://")
        self.name = "__Host-kiosk_cart" if self._secure else "kiosk_cart"

    def cart_id(self, request: Request) -> str | None:
        """The id it names; None for one that no cart can have."""
        found = request.cookies.get(self.name, "")
        return found if _ID.fullmatch(found) else None

    def follow(self, response: Response, request: Request, cart: Cart | None) -> None:
        """Makes the browser carry this cart from now on, or none."""
        if cart is not None:
            self._set(response, self.name, cart.id, httponly=True)
            self._set(response, ARTICLES, str(cart.article_count), httponly=False)
            return
        for name in {self.name, ARTICLES} & request.cookies.keys():
            response.delete_cookie(name, "/", secure=self._secure, samesite="lax")

    def _set(self, response: Response, name: str, value: str, *, httponly: bool) -> None:
        response.set_cookie(
            name,
            value,
            max_age=_MAX_AGE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=httponly,
            samesite="lax",
        )
