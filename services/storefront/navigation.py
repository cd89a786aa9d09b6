"""The tree of categories. Every page shows a part of it, so it is kept here for a moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from services.errors import Unavailable, UpstreamUnavailable
from services.storefront.catalog_client import CatalogClient, Category, CategoryLink

_FRESH_SECONDS = 10.0
_FAILURE_SECONDS_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A category in its tree; `trail` leads to it from the top, itself left out."""

    category: Category
    trail: tuple[CategoryLink, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    top: tuple[Category, ...] = ()
    places: dict[str, Place] = field(default_factory=dict)


class Navigation:
    """Asks catalog at most once in a while; goes on with the last tree when catalog is away."""

    def __init__(self, catalog: CatalogClient) -> None:
        self._catalog = catalog
        self._lock = asyncio.Lock()
        self._ask_at = 0.0  # time.monotonic()
        self.kept: Tree | None = None

    async def tree(self) -> Tree:
        """The present tree, or the last one known. Raises UpstreamUnavailable when there is none."""
        if time.monotonic() >= self._ask_at:
            async with self._lock:
                if time.monotonic() >= self._ask_at:
                    await self._ask()
        if self.kept is None:
            raise UpstreamUnavailable()
        return self.kept

    async def tree_if_any(self) -> Tree:
        """For pages that can do without: an empty tree when there is none."""
        try:
            return await self.tree()
        except Unavailable:
            return Tree()

    async def _ask(self) -> None:
        """A failure counts for a moment too, else every waiting page would sit out its own timeout: for as
        long as it took. A catalog that refused at once, as while it starts, is asked again at once."""
        began = time.monotonic()
        try:
            self.kept = _planted((await self._catalog.categories()).items)
            self._ask_at = time.monotonic() + _FRESH_SECONDS
        except Unavailable:
            ended = time.monotonic()
            self._ask_at = ended + min(_FAILURE_SECONDS_MAX, ended - began)


def _planted(top: list[Category]) -> Tree:
    places: dict[str, Place] = {}

    def place(category: Category, trail: tuple[CategoryLink, ...]) -> None:
        places[category.slug] = Place(category, trail)
        for child in category.children:
            place(child, (*trail, category))

    for category in top:
        place(category, ())
    return Tree(tuple(top), places)
