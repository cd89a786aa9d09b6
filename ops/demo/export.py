"""The demo catalog as an import file: one product a line (services/catalog/import_shapes.py)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ops.demo.categories import Category, grow
from ops.demo.products import Product, products
from ops.demo.variants import Variant
from ops.demo.vocabulary import departments


def export(file: Path, count: int, seed: int, currency: str) -> int:
    """Writes `count` products and returns how many bytes they are. Raises OSError."""
    with file.open("wb") as opened:
        return sum(map(opened.write, export_lines(count, seed, currency)))


def export_lines(count: int, seed: int, currency: str) -> Iterator[bytes]:
    """Each product with its line's end, as generated: stock and weights included, popularity not."""
    tree = grow(departments())
    paths = _paths(tree.values())
    for product in products(count, seed, tree):
        yield msgspec.json.encode(_line(product, paths, currency)) + b"\n"


def _paths(categories: Iterable[Category]) -> dict[int, str]:
    """`home/lighting/table-lamps` by id; parents come before their children."""
    paths: dict[int, str] = {}
    for category in categories:
        above = "" if category.parent_id is None else paths[category.parent_id] + "/"
        paths[category.id] = above + category.slug
    return paths


def _line(product: Product, paths: dict[int, str], currency: str) -> dict[str, Any]:
    return {
        "slug": product.slug,
        "title": product.title,
        "brand": product.brand,
        "description": product.description,
        "categories": [paths[category_id] for category_id in product.category_ids],
        "images": product.images,
        "attributes": product.attributes,
        "seo": {"title": product.seo_title, "description": product.seo_description},
        "published": product.published_at is not None,
        "variants": [_variant(variant, currency) for variant in product.variants],
    }


def _variant(variant: Variant, currency: str) -> dict[str, Any]:
    line: dict[str, Any] = {
        "sku": variant.sku,
        "price": {"amount": variant.price_minor, "currency": currency},
    }
    if variant.compare_at_minor is not None:
        line["compare_at"] = {"amount": variant.compare_at_minor, "currency": currency}
    return line | {
        "attributes": variant.attributes,
        "weight_grams": variant.weight_grams,
        "initial_stock": variant.available,
    }
