"""What shoppers look at comes first among what a search finds equally well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest
from databases import Database

from services.catalog import popularity
from services.catalog.popularity import rank
from services.database import open_database, role_url
from services.settings import DatabaseSettings
from tests.catalog.conftest import AddProduct

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str, environment: Callable[..., None]) -> AsyncIterator[Database]:
    """Catalog's own way into the test's database."""
    environment(DATABASE_URL=database_url)
    settings = DatabaseSettings.read()
    async with open_database(role_url(settings, "catalog"), settings, pool_max=2, name="catalog") as opened:
        yield opened


async def look_at(owner: asyncpg.Connection, slug: str, views: int, days_ago: int = 0) -> None:
    await owner.execute(
        """
        INSERT INTO catalog.product_views (day, product_id, views)
        SELECT current_date - $3::int, id, $2 FROM catalog.products WHERE slug = $1
        """,
        slug,
        views,
        days_ago,
    )


async def popularity_of(owner: asyncpg.Connection) -> dict[str, int]:
    """Of each product; the same in both places where it stands."""
    rows = await owner.fetch(
        """
        SELECT p.slug, p.popularity, d.popularity AS found_by
        FROM catalog.products p JOIN catalog.search_documents d ON d.product_id = p.id
        """
    )
    assert all(row["popularity"] == row["found_by"] for row in rows)
    return {row["slug"]: row["popularity"] for row in rows}


async def test_what_was_looked_at_more_in_the_last_thirty_days_is_found_first(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct, catalog: httpx.AsyncClient
) -> None:
    for slug in ("mug-a", "mug-b", "mug-c"):
        await add_product(slug, title="Mug")
    await look_at(owner, "mug-a", 3)
    await look_at(owner, "mug-a", 4, days_ago=29)
    await look_at(owner, "mug-b", 5, days_ago=1)
    await look_at(owner, "mug-c", 900, days_ago=30)
    assert await rank(database) == 2
    assert await popularity_of(owner) == {"mug-a": 7, "mug-b": 5, "mug-c": 0}
    answer = await catalog.get("/api/catalog/products?q=mug")
    assert [item["slug"] for item in answer.json()["items"]] == ["mug-a", "mug-b", "mug-c"]
    assert await rank(database) == 0, "nothing is written twice"


async def test_what_nobody_looks_at_any_more_is_no_longer_popular(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await add_product("fashion", popularity=500)
    await add_product("mug")
    await look_at(owner, "mug", 1)
    assert await rank(database) == 2
    assert await popularity_of(owner) == {"fashion": 0, "mug": 1}


async def test_where_nobody_has_counted_nothing_changes(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await add_product("mug", popularity=500)
    await look_at(owner, "mug", 7, days_ago=31)
    assert await rank(database) == 0
    assert await popularity_of(owner) == {"mug": 500}


@pytest.mark.parametrize(
    ("views", "popular"),
    [(0, 0), (1, 1), (10, 10), (99, 99), (100, 100), (104, 100), (1234, 1200), (2**40, 2**31 - 1)],
)
async def test_popularity_has_two_significant_digits(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct, views: int, popular: int
) -> None:
    await add_product("mug")
    await add_product("other")
    await look_at(owner, "mug", views)
    await look_at(owner, "other", 1)
    await rank(database)
    assert (await popularity_of(owner))["mug"] == popular


async def test_every_product_is_come_by_batch_after_batch(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    for number in range(7):
        await add_product(f"mug-{number}")
        await look_at(owner, f"mug-{number}", number + 1)
    assert await rank(database, batch=3) == 7
    assert await popularity_of(owner) == {f"mug-{number}": number + 1 for number in range(7)}


async def test_a_product_in_somebodys_hands_is_left_until_tomorrow(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    for slug in ("held", "free"):
        await add_product(slug)
        await look_at(owner, slug, 9)
    async with owner.transaction():
        await owner.execute("SELECT FROM catalog.products WHERE slug = 'held' FOR NO KEY UPDATE")
        assert await rank(database) == 1
    assert await popularity_of(owner) == {"held": 0, "free": 9}
    assert await rank(database) == 1


async def test_views_that_count_no_more_are_forgotten_until_none_is_left(
    database: Database, owner: asyncpg.Connection, add_product: AddProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popularity, "_FORGET_BATCH", 2)
    await add_product("mug")
    for days_ago in (0, 29, *range(30, 35)):
        await look_at(owner, "mug", 1, days_ago)
    await rank(database)
    days = await owner.fetch("SELECT current_date - day AS ago FROM catalog.product_views ORDER BY day DESC")
    assert [row["ago"] for row in days] == [0, 29]
