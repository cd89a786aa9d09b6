"""What catalog asks for an article right now: the price that a cart then keeps for a while."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from services.checkout.shapes import Image
from services.errors import Invalid, Limited, NotFound, UpstreamUnavailable
from services.internal_client import InternalClient
from services.money import Money

# The one place where checkout says what a SKU may look like; the tables check the same.
_SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Quote(msgspec.Struct, frozen=True):
    """One article as catalog sells it at this moment. `image` is null when it has none."""

    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    price: Money
    weight_grams: int
    image: Image | None


class _Quotes(msgspec.Struct, frozen=True):
    items: list[Quote]


def is_sku(text: str) -> bool:
    """Whether something could be a SKU at all."""
    return _SKU.fullmatch(text) is not None


class Quotes:
    """Asks catalog, by internal calls."""

    def __init__(self, client: InternalClient, timeout_seconds: float) -> None:
        self._client, self._timeout_seconds = client, timeout_seconds

    async def quote(self, skus: Sequence[str]) -> dict[str, Quote]:
        """Quotes by SKU, for up to 100 SKUs; what catalog does not sell is missing from the answer.
        Raises UpstreamUnavailable, after QUOTE_TIMEOUT_SECONDS at the latest and at once where catalog has
        not answered lately; one internal call, none for what can't be a SKU."""
        wanted = [sku for sku in skus if is_sku(sku)]
        if not wanted:
            return {}
        try:
            answer = await self._client.get(
                "/internal/catalog/quotes", _Quotes, {"sku": wanted}, timeout_seconds=self._timeout_seconds
            )
        except (NotFound, Invalid, Limited) as error:  # catalog is of a release that does not know us
            raise UpstreamUnavailable() from error
        return {quote.sku: quote for quote in answer.items}
