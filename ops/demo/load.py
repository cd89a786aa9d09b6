"""Puts the demo catalog and its stock into PostgreSQL: everything in one transaction, so shoppers see the old
shop or the new one. They wait while it loads, which is why this is for demo data only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

import msgspec

from ops.console import say
from ops.demo.categories import Category, Path, grow
from ops.demo.products import Product, products
from ops.demo.vocabulary import departments
from ops.roles import Owner
from services.queries import load_queries

_QUERIES = load_queries(__file__, "load.sql")
_BATCH = 5_000  # products held in memory at once
_INDEXED = ["catalog.products", "catalog.variants", "catalog.category_listing", "catalog.search_documents"]
_COLUMNS = {
    "categories": ("id", "parent_id", "slug", "name", "position"),
    "products": (
        *("id", "slug", "title", "title_key", "brand", "price_minor", "compare_at_minor"),
        *("popularity", "published_at"),
    ),
    "product_details": ("product_id", "description", "attributes", "images", "seo_title", "seo_description"),
    "variants": (
        *("product_id", "sku", "position", "price_minor", "compare_at_minor", "attributes", "available"),
        *("weight_grams", "stock_version"),
    ),
    "product_categories": ("product_id", "category_id", "is_main"),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load has brought in. The checksum is that of the generated products, so the same
    seed and number of products always give the same one."""

    products: int
    variants: int
    categories: int
    brands: int
    seconds: float
    checksum: str


async def any_product(owner: Owner) -> bool:
    return bool(await owner.fetchval(_QUERIES["any_product"]))


async def replace_catalog(owner: Owner, count: int, seed: int, low_stock_level: int) -> Loaded:
    """Replaces whatever the catalog holds by `count` products. Takes the tables for itself until
    it commits."""
    started = time.monotonic()
    tree = grow(departments())
    tally = Tally(count)
    async with owner.transaction():
        await owner.fetchrow(_QUERIES["take_memory"])
        await owner.execute(_QUERIES["empty_catalog"])
        indexes = await owner.fetch(_QUERIES["secondary_indexes"], _INDEXED)
        await _run(owner, (f"DROP INDEX {index['name']}" for index in indexes))
        await _copy(owner, "categories", _category_rows(tree))
        for batch in _batches(products(count, seed, tree)):
            await _copy_products(owner, batch)
            tally.add(batch)
        say("  catalog   stock ...")
        await owner.execute(_QUERIES["stock_initially"])
        await owner.execute(_QUERIES["hear_stock"])
        await owner.execute(_QUERIES["welcome"])
        say("  checkout  the discount code WELCOME10 takes 10 % off")
        say("  catalog   prices, availability, listings and search ...")
        await owner.fetchval(_QUERIES["derive"], low_stock_level)
        await owner.fetchrow(_QUERIES["next_ids"])
        await _run(owner, (index["definition"] for index in indexes))
    await owner.execute(_QUERIES["analyze"])
    return tally.total(len(tree), time.monotonic() - started)


class Tally:
    """Counts what goes by, tells how fast, and keeps the checksum."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._started = time.monotonic()
        self._products = self._variants = 0
        self._brands: set[str] = set()
        self._digest = blake2b(digest_size=8)

    def add(self, batch: Sequence[Product]) -> None:
        for product in batch:
            self._digest.update(msgspec.json.encode(product))
            self._variants += len(product.variants)
            self._brands.add(product.brand)
        self._products += len(batch)
        rate = self._products / (time.monotonic() - self._started)
        say(f"  catalog   {self._products:>9,} of {self._expected:,} products  {rate:>7,.0f} a second")

    def total(self, categories: int, seconds: float) -> Loaded:
        checksum = self._digest.hexdigest()
        return Loaded(self._products, self._variants, categories, len(self._brands), seconds, checksum)


def _batches(source: Iterator[Product]) -> Iterator[list[Product]]:
    while batch := list(islice(source, _BATCH)):
        yield batch


async def _run(owner: Owner, statements: Iterable[str]) -> None:
    for statement in statements:
        await owner.execute(statement)


async def _copy(owner: Owner, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    columns = _COLUMNS[table]
    await owner.copy_records_to_table(table, records=rows, columns=columns, schema_name="catalog")


async def _copy_products(owner: Owner, batch: Sequence[Product]) -> None:
    await _copy(owner, "products", map(_product_row, batch))
    await _copy(owner, "product_details", map(_detail_row, batch))
    await _copy(owner, "variants", (row for product in batch for row in _variant_rows(product)))
    await _copy(owner, "product_categories", (row for product in batch for row in _place_rows(product)))


def _category_rows(tree: dict[Path, Category]) -> Iterator[tuple[Any, ...]]:
    return ((c.id, c.parent_id, c.slug, c.name, c.position) for c in tree.values())


def _product_row(product: Product) -> tuple[Any, ...]:
    """What index_products() derives is left as it is: an empty sort key, the first variant's price."""
    first = product.variants[0]
    return (
        *(product.id, product.slug, product.title, "", product.brand),
        *(first.price_minor, first.compare_at_minor, product.popularity, product.published_at),
    )


def _detail_row(product: Product) -> tuple[Any, ...]:
    return (
        *(product.id, product.description, _json(product.attributes), _json(product.images)),
        *(product.seo_title, product.seo_description),
    )


def _variant_rows(product: Product) -> Iterator[tuple[Any, ...]]:
    for v in product.variants:
        prices = (v.price_minor, v.compare_at_minor)
        told = 1 if v.available else 0  # the version that the first movement gives a level
        yield (product.id, v.sku, v.position, *prices, _json(v.attributes), v.available, v.weight_grams, told)


def _place_rows(product: Product) -> Iterator[tuple[Any, ...]]:
    for position, category_id in enumerate(product.category_ids):
        yield (product.id, category_id, position == 0)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
