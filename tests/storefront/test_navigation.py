"""The tree of categories is kept for a moment, and kept on when catalog is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import pytest

from services.errors import UpstreamUnavailable
from services.storefront.catalog_client import CatalogClient, Category, CategoryTree
from services.storefront.navigation import Navigation, Tree


class Catalog(CatalogClient):
    """Counts who asks for the categories; `away` makes it fail, after `takes`."""

    def __init__(self) -> None:
        self.asked, self.away = 0, False
        self.takes: Callable[[], None] = lambda: None

    async def categories(self) -> CategoryTree:
        self.asked += 1
        await asyncio.sleep(0)
        self.takes()
        if self.away:
            raise UpstreamUnavailable()
        return CategoryTree([Category("top", "Top", [Category("leaf", "Leaf", [])])])


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.monotonic()
        monkeypatch.setattr("services.storefront.navigation.time.monotonic", lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


async def test_many_pages_at_once_ask_once() -> None:
    catalog = Catalog()
    navigation = Navigation(catalog)
    trees = await asyncio.gather(*(navigation.tree() for _ in range(20)))
    assert catalog.asked == 1
    assert [link.slug for link in trees[0].places["leaf"].trail] == ["top"]


async def test_the_last_tree_is_shown_on_while_catalog_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, catalog = Clock(monkeypatch), Catalog()
    navigation = Navigation(catalog)
    known = await navigation.tree()
    clock.pass_by(60)
    catalog.away = True
    assert await navigation.tree() is known
    assert catalog.asked == 2


async def test_without_any_tree_a_slow_failure_counts_for_as_long_as_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, catalog = Clock(monkeypatch), Catalog()
    catalog.away, navigation = True, Navigation(catalog)
    for took, counts in ((0.5, 0.5), (30.0, 1.0)):
        catalog.takes, catalog.asked = partial(clock.pass_by, took), 0
        for _ in range(3):
            with pytest.raises(UpstreamUnavailable):
                await navigation.tree()
        assert await navigation.tree_if_any() == Tree()
        assert catalog.asked == 1
        clock.pass_by(counts)
    catalog.away = False
    assert "leaf" in (await navigation.tree()).places


async def test_a_catalog_that_refuses_at_once_is_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As while it starts: a store that was up showed no categories for a second."""
    Clock(monkeypatch)
    catalog = Catalog()
    catalog.away, navigation = True, Navigation(catalog)
    with pytest.raises(UpstreamUnavailable):
        await navigation.tree()
    catalog.away = False
    assert "leaf" in (await navigation.tree()).places
