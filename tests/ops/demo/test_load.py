"""Loading into a real PostgreSQL: replaced as a whole, and everything derived is there."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ops.console import OperatorError
from ops.demo.__main__ import fill
from ops.demo.load import replace_catalog

pytestmark = pytest.mark.anyio

LOW = 5


@pytest.fixture
async def shop(demo_url: str) -> AsyncIterator[asyncpg.Connection]:
    """1,000 demo products, for reading."""
    connection = await asyncpg.connect(demo_url)
    yield connection
    await connection.close()


async def test_a_load_counts_what_it_loaded(owner: asyncpg.Connection) -> None:
    loaded = await replace_catalog(owner, 300, 3, LOW)
    assert loaded.products == await owner.fetchval("SELECT count(*) FROM catalog.products") == 300
    assert loaded.variants == await owner.fetchval("SELECT count(*) FROM catalog.variants")
    assert loaded.categories == await owner.fetchval("SELECT count(*) FROM catalog.categories")
    assert loaded.brands == await owner.fetchval("SELECT count(DISTINCT brand) FROM catalog.products")


async def test_a_load_replaces_the_catalog_and_repeats_its_checksum(owner: asyncpg.Connection) -> None:
    first = await replace_catalog(owner, 200, 3, LOW)
    other = await replace_catalog(owner, 100, 4, LOW)
    again = await replace_catalog(owner, 200, 3, LOW)
    assert first.checksum == again.checksum != other.checksum
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 200


async def test_a_failed_load_leaves_the_old_catalog(owner: asyncpg.Connection) -> None:
    await replace_catalog(owner, 100, 3, LOW)
    await owner.execute("ALTER TABLE catalog.variants ADD CHECK (price_minor < 1) NOT VALID")
    with pytest.raises(asyncpg.CheckViolationError):
        await replace_catalog(owner, 200, 3, LOW)
    assert await owner.fetchval("SELECT count(*) FROM catalog.category_listing") > 0
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 100


async def test_a_load_leaves_every_index_as_it_was(owner: asyncpg.Connection) -> None:
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'catalog' ORDER BY indexname"
    before = await owner.fetch(query)
    await replace_catalog(owner, 50, 3, LOW)
    assert await owner.fetch(query) == before


async def test_products_added_later_get_ids_of_their_own(owner: asyncpg.Connection) -> None:
    await replace_catalog(owner, 50, 3, LOW)
    added = (
        "INSERT INTO catalog.products (slug, title, title_key, brand, price_minor) VALUES ($1, $1, $1, $1, 1)"
    )
    assert await owner.fetchval(f"{added} RETURNING id", "a-new-thing") == 51


async def test_a_shop_with_products_is_left_alone_if_only_an_empty_one_may_be_filled(
    owner: asyncpg.Connection, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(database_url, 40, 3, if_empty=True)
    await fill(database_url, 60, 3, if_empty=True)
    assert await owner.fetchval("SELECT count(*) FROM catalog.products") == 40
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "  catalog   has products already; the demo catalog is left out"
    assert "40 products" in lines[-2]
    assert "checksum" in lines[-2]


async def test_a_database_without_tables_is_named_in_one_line(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("DROP SCHEMA catalog CASCADE")
    await owner.close()
    with pytest.raises(OperatorError, match="run `make migrate` first"):
        await fill(database_url, 10, 3, if_empty=False)


async def test_every_published_product_is_listed_up_to_its_department(shop: asyncpg.Connection) -> None:
    missing = """
      WITH RECURSIVE above (product_id, category_id) AS (
        SELECT product_id, category_id FROM catalog.product_categories
        UNION
        SELECT a.product_id, c.parent_id FROM above a JOIN catalog.categories c ON c.id = a.category_id
        WHERE c.parent_id IS NOT NULL)
      SELECT count(*) FROM above a
      JOIN catalog.products p ON p.id = a.product_id AND p.published_at IS NOT NULL
      LEFT JOIN catalog.category_listing l USING (product_id, category_id)
      WHERE l.product_id IS NULL"""
    assert await shop.fetchval(missing) == 0
    unpublished = """
      SELECT count(*) FROM catalog.category_listing l JOIN catalog.products p ON p.id = l.product_id
      WHERE p.published_at IS NULL"""
    assert await shop.fetchval(unpublished) == 0


async def test_cards_agree_with_their_variants(shop: asyncpg.Connection) -> None:
    wrong = """
      SELECT count(*) FROM catalog.products p
      JOIN (SELECT product_id, min(price_minor) AS price_minor, sum(available) AS available
            FROM catalog.variants GROUP BY product_id) v ON v.product_id = p.id
      WHERE p.price_minor <> v.price_minor OR p.image_url IS NULL OR p.title_key = ''
         OR p.availability <> CASE WHEN v.available = 0 THEN 0 WHEN v.available <= $1 THEN 1 ELSE 2 END"""
    assert await shop.fetchval(wrong, LOW) == 0
    assert await shop.fetchval("SELECT count(*) FROM catalog.products WHERE availability = 0") > 50


async def test_colours_of_product_and_variants_are_attribute_terms(shop: asyncpg.Connection) -> None:
    coloured = """
      SELECT count(*) FROM catalog.variants v JOIN catalog.products p ON p.id = v.product_id
      WHERE v.attributes ? 'colour'
        AND NOT p.attribute_terms @> ARRAY['colour=' || (v.attributes ->> 'colour')]"""
    assert await shop.fetchval(coloured) == 0


async def test_each_published_product_can_be_searched_and_its_words_are_known(
    shop: asyncpg.Connection,
) -> None:
    published = await shop.fetchval("SELECT count(*) FROM catalog.products WHERE published_at IS NOT NULL")
    assert await shop.fetchval("SELECT count(*) FROM catalog.search_documents") == published
    assert await shop.fetchval("SELECT array_agg(word) @> ARRAY['mug', 'lodz', 'jumper'] FROM catalog.words")


async def test_every_category_has_something_to_show(shop: asyncpg.Connection) -> None:
    empty = """
      SELECT array_agg(c.slug) FROM catalog.categories c
      WHERE NOT EXISTS (SELECT FROM catalog.category_listing l WHERE l.category_id = c.id)"""
    assert await shop.fetchval(empty) is None


async def test_checkout_has_the_stock_that_the_catalog_shows(shop: asyncpg.Connection) -> None:
    wrong = """
      SELECT array_agg(v.sku)
      FROM catalog.variants v
      LEFT JOIN checkout.stock_levels s USING (sku)
      LEFT JOIN (SELECT sku, sum(delta) AS units FROM checkout.stock_movements GROUP BY sku) m USING (sku)
      WHERE v.available <> coalesce(s.level, 0)
         OR v.available <> coalesce(m.units, 0)
         OR v.stock_version <> coalesce(s.version, 0)
         OR coalesce(s.reserved, 0) <> 0"""
    assert await shop.fetchval(wrong) is None
    units = await shop.fetchval("SELECT sum(available) FROM catalog.variants")
    assert units > 1000
    assert (
        await shop.fetchval("SELECT sum(delta) FROM checkout.stock_movements WHERE kind = 'initial'") == units
    )


async def test_a_load_keeps_the_stock_of_skus_that_checkout_knows(owner: asyncpg.Connection) -> None:
    await replace_catalog(owner, 100, 3, LOW)
    most = "SELECT sku, level FROM checkout.stock_levels ORDER BY level DESC LIMIT 1"
    [(sku, level)] = await owner.fetch(most)
    await owner.execute(
        "INSERT INTO checkout.stock_movements (sku, delta, kind) VALUES ($1, 3, 'adjustment')", sku
    )
    await owner.execute(
        "UPDATE checkout.stock_levels SET reserved = 2, version = version + 1 WHERE sku = $1", sku
    )
    movements = await owner.fetchval("SELECT count(*) FROM checkout.stock_movements")
    await replace_catalog(owner, 100, 3, LOW)
    assert await owner.fetchval("SELECT count(*) FROM checkout.stock_movements") == movements
    heard = await owner.fetch("SELECT available, stock_version FROM catalog.variants WHERE sku = $1", sku)
    assert [tuple(row) for row in heard] == [(level + 1, 3)]


async def test_every_variant_weighs_something(shop: asyncpg.Connection) -> None:
    assert await shop.fetchval("SELECT count(*) FROM catalog.variants WHERE weight_grams < 5") == 0
    sofa, mug = [
        await shop.fetchval(
            """
            SELECT min(v.weight_grams) FROM catalog.variants v
            JOIN catalog.product_categories pc USING (product_id)
            JOIN catalog.categories c ON c.id = pc.category_id
            WHERE c.slug = $1""",
            slug,
        )
        for slug in ("sofas", "mugs-and-cups")
    ]
    assert sofa > 20_000
    assert mug < 1000


async def test_the_demo_has_a_discount_code_to_try(demo_url: str) -> None:
    owner = await asyncpg.connect(demo_url)
    try:
        percent = "SELECT percent_basis_points / 100 FROM checkout.discounts WHERE code = 'WELCOME10'"
        assert await owner.fetchval(percent) == 10
    finally:
        await owner.close()
