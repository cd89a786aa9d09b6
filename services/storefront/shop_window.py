"""What home shows before the newest products: some to begin with, and a picture for each category.

One question for each top category would be much for every visit, so the answers are kept a while.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from services.errors import Unavailable
from services.storefront.catalog_client import CatalogClient, Image, ProductCard, ProductPage
from services.storefront.navigation import Tree

_FRESH_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 2.0
_FEATURED = 3
_CATEGORIES_MAX = 12


@dataclass(frozen=True, slots=True)
class Display:
    """`pictures` are by the category's slug. `featured` all have an image, each of another category."""

    featured: list[ProductCard] = field(default_factory=list)
    pictures: dict[str, Image] = field(default_factory=dict)


class ShopWindow:
    """Dressed anew once a minute; goes on with the last display when catalog is away."""

    def __init__(self, catalog: CatalogClient) -> None:
        self._catalog = catalog
        self._lock = asyncio.Lock()
        self._ask_at = 0.0  # time.monotonic()
        self._kept = Display()

    async def display(self, tree: Tree) -> Display:
        """Never fails: home can do without."""
        async with self._lock:
            if time.monotonic() >= self._ask_at:
                await self._dress(tree)
        return self._kept

    async def _dress(self, tree: Tree) -> None:
        slugs = [category.slug for category in tree.top[:_CATEGORIES_MAX]]
        try:
            pages = await asyncio.gather(*map(self._newest_of, slugs))
        except Unavailable:
            self._ask_at = time.monotonic() + _ASK_AGAIN_SECONDS
            return
        self._kept = _displayed(dict(zip(slugs, pages, strict=True)))
        self._ask_at = time.monotonic() + (_FRESH_SECONDS if slugs else _ASK_AGAIN_SECONDS)

    async def _newest_of(self, slug: str) -> ProductPage:
        return await self._catalog.products({"category": slug, "in_stock": "true", "limit": 2})


def _displayed(pages: dict[str, ProductPage]) -> Display:
    """The first product of a category gives its picture, the second one may be featured."""
    pictures: dict[str, Image] = {}
    featured: dict[str, ProductCard] = {}
    for slug, page in pages.items():
        shown = [(product, product.image) for product in page.items if product.image is not None]
        for _, image in shown[:1]:
            pictures[slug] = image
        for product, _ in shown[1:2]:
            featured.setdefault(product.slug, product)
    return Display(list(featured.values())[:_FEATURED], pictures)
