"""One batch of an import: checked against what is there, then written, a set at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from services.catalog.category_paths import CategoryPaths, paths_of
from services.catalog.former_slugs import Renames, remember, rename, renames_of
from services.catalog.import_lines import Content, Line
from services.database import Connection
from services.errors import FieldError
from services.queries import load_queries
from services.queue import enqueue

_SQL = load_queries(__file__, "import_batch.sql")
_TAKE_TURN, _STORED_PRODUCTS, _OWNERS = _SQL["take_turn"], _SQL["stored_products"], _SQL["owners_of_skus"]
_LOCK_PRODUCTS, _PUT_PRODUCTS, _PUT_DETAILS = (
    _SQL["lock_products"],
    _SQL["put_products"],
    _SQL["put_details"],
)
_REMOVE_VARIANTS, _PUT_VARIANTS = _SQL["remove_variants"], _SQL["put_variants"]
_TAKE_FROM_CATEGORIES, _PUT_IN_CATEGORIES = _SQL["take_from_categories"], _SQL["put_in_categories"]
_DERIVE, _UNHEARD_OF = _SQL["derive"], _SQL["unheard_of"]

_STOCKS_PER_JOB = 500


@dataclass(slots=True)
class Stored:
    """What became of the first `lines` of a batch; `refused` by line number."""

    lines: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: dict[int, list[FieldError]] = field(default_factory=dict)
    new_categories: bool = False


async def store_batch(raw: Connection, lines: Sequence[Line], low_stock_level: int) -> Stored:
    """Writes lines of different slugs and SKUs, inside the caller's transaction. It may stop before
    the end, never before the second line: the rest is the caller's to bring again."""
    await raw.execute(_TAKE_TURN)
    renames = await renames_of(raw, lines)
    rows = await raw.fetch(_STORED_PRODUCTS, [*(line.slug for line in lines), *renames.new_by_old])
    there = {renames.slug_after(row["slug"]): (row["id"], row["content"]) for row in rows}
    rows = await raw.fetch(_OWNERS, [sku for line in lines for sku in line.skus])
    owners = {row["sku"]: renames.slug_after(row["slug"]) for row in rows}
    lines = _independent(lines, owners)
    paths = await paths_of(raw, lines)
    stored = Stored(len(lines), refused=_refused(lines, owners, paths, renames))
    good = [line for line in lines if line.number not in stored.refused]
    changed = [
        line
        for line in good
        if line.slug not in there
        or line.slug in renames.new_by_old.values()
        or _content(there[line.slug][1]) != line.content
    ]
    stored.created = sum(line.slug not in there for line in changed)
    stored.updated, stored.unchanged = len(changed) - stored.created, len(good) - len(changed)
    stored.new_categories = await paths.create(raw)
    if changed:
        await raw.fetch(_LOCK_PRODUCTS, [there[line.slug][0] for line in changed if line.slug in there])
        await rename(raw, changed, renames)
        await _write(raw, changed, low_stock_level)
    await remember(raw, good)
    # Checkout may know stock of a SKU that is new here: it is asked about those without a level too.
    stock = {sku: 0 for line in changed for sku in line.skus if sku not in owners}
    stock.update((sku, level) for line in good for sku, level in line.stock.items())
    await _stock_initially(raw, stock)
    return stored


def _independent(lines: Sequence[Line], owners: dict[str, str]) -> Sequence[Line]:
    """The lines before the first that has a SKU of an earlier line's product: whether it may have it
    is known when the earlier line is stored."""
    earlier: set[str] = set()
    for place, line in enumerate(lines):
        if any(owners.get(sku) in earlier for sku in line.skus):
            return lines[:place]
        earlier.add(line.slug)
    return lines


def _refused(
    lines: Sequence[Line], owners: dict[str, str], paths: CategoryPaths, renames: Renames
) -> dict[int, list[FieldError]]:
    """The errors of lines that do not fit what is there; what the others add to the tree is noted."""
    refused = {}
    for line in lines:
        errors = [
            FieldError(f"variants[{place}].sku", f"belongs to {owner}")
            for place, sku in enumerate(line.skus)
            if (owner := owners.get(sku, line.slug)) != line.slug
        ]
        errors += renames.refused.get(line.number, [])
        errors += paths.clashes(line.paths)
        if errors:
            refused[line.number] = errors
        else:
            paths.add(line.paths)
    return refused


def _content(stored: str) -> Content:
    return msgspec.json.decode(stored, type=Content)


async def _write(raw: Connection, lines: Sequence[Line], low_stock_level: int) -> None:
    of = [line.content for line in lines]
    rows = await raw.fetch(
        _PUT_PRODUCTS,
        [line.slug for line in lines],
        [content.title for content in of],
        [content.brand for content in of],
        [content.published for content in of],
    )
    by_slug = {row["slug"]: row["id"] for row in rows}
    ids = [by_slug[line.slug] for line in lines]
    await raw.execute(
        _PUT_DETAILS,
        ids,
        [content.description for content in of],
        [_json(content.attributes) for content in of],
        [_json(content.images) for content in of],
        [content.seo_title for content in of],
        [content.seo_description for content in of],
    )
    await _write_variants(raw, ids, of)
    places = [(i, slug, n == 0) for i, c in zip(ids, of, strict=True) for n, slug in enumerate(c.categories)]
    await raw.execute(_TAKE_FROM_CATEGORIES, ids)
    await raw.execute(_PUT_IN_CATEGORIES, *_columns(places, 3))
    await raw.execute(_DERIVE, ids, low_stock_level)


async def _write_variants(raw: Connection, ids: Sequence[int], of: Sequence[Content]) -> None:
    rows = [
        (i, place, v.sku, v.price_minor, v.compare_at_minor, _json(v.attributes), v.weight_grams)
        for i, content in zip(ids, of, strict=True)
        for place, v in enumerate(content.variants)
    ]
    await raw.execute(_REMOVE_VARIANTS, ids, [row[2] for row in rows])
    await raw.execute(_PUT_VARIANTS, *_columns(rows, 7))


async def _stock_initially(raw: Connection, stock: dict[str, int]) -> None:
    """Hands initial levels to checkout, which counts them where it never had stock of the SKU, and
    tells catalog what there is."""
    if not stock:
        return
    levels = [
        {"sku": row["sku"], "level": stock[row["sku"]]} for row in await raw.fetch(_UNHEARD_OF, [*stock])
    ]
    for first in range(0, len(levels), _STOCKS_PER_JOB):
        await enqueue(raw, "checkout.stock_initially", levels[first : first + _STOCKS_PER_JOB])


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as the array parameters of an `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
