"""What products and categories were called before: found again under an old name, renamed by an import.

An import line says so by `formerly`. While a product has one of those slugs and none has the line's
own, that product is renamed: it keeps its stock, its place in carts and its popularity. Either way
the former slugs lead to the product from then on; a later line that leaves them out takes none away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from databases import Database

from services.catalog.import_lines import Line
from services.database import Connection, connection
from services.errors import FieldError, NotFound
from services.queries import load_queries

_SQL = load_queries(__file__, "former_slugs.sql")
_NOW = {"products": _SQL["product_now"], "categories": _SQL["category_now"]}
_PRODUCTS_CALLED, _RENAME, _REMEMBER = _SQL["products_called"], _SQL["rename"], _SQL["remember"]


class NowCalled(msgspec.Struct, frozen=True):
    """The slug that something has now."""

    slug: str


async def now_called(
    database: Database, kind: Literal["products", "categories"], slug: str, timeout_seconds: float
) -> NowCalled:
    """Raises NotFound, DatabaseUnavailable; one round trip."""
    async with connection(database, timeout_seconds) as raw:
        found = await raw.fetchval(_NOW[kind], slug)
    if found is None:
        raise NotFound("Nothing was ever called so")
    return NowCalled(found)


@dataclass(slots=True)
class Renames:
    """What the lines of a batch want renamed: new slugs by old ones. `refused` by line number."""

    new_by_old: dict[str, str] = field(default_factory=dict)
    refused: dict[int, list[FieldError]] = field(default_factory=dict)

    def slug_after(self, slug: str) -> str:
        return self.new_by_old.get(slug, slug)


async def renames_of(raw: Connection, lines: Sequence[Line]) -> Renames:
    """Reads which products the lines' former slugs still name. No round trip where no line has any."""
    renames = Renames()
    asked = [slug for line in lines if line.formerly for slug in (line.slug, *line.formerly)]
    if not asked:
        return renames
    there = {row["slug"] for row in await raw.fetch(_PRODUCTS_CALLED, asked)}
    for line in lines:
        still = [slug for slug in line.formerly if slug in there]
        if line.slug not in there and len(still) == 1:
            renames.new_by_old[still[0]] = line.slug
        elif still:
            taken = still if line.slug in there else still[1:]
            renames.refused[line.number] = [
                FieldError(f"formerly[{line.formerly.index(slug)}]", f"{slug} is a product of its own")
                for slug in taken
            ]
    return renames


async def rename(raw: Connection, lines: Sequence[Line], renames: Renames) -> None:
    """Renames the products that these lines take over, inside the caller's transaction."""
    slugs = {line.slug for line in lines}
    pairs = [(old, new) for old, new in renames.new_by_old.items() if new in slugs]
    if pairs:
        await raw.execute(_RENAME, [old for old, _ in pairs], [new for _, new in pairs])


async def remember(raw: Connection, lines: Sequence[Line]) -> None:
    """Notes the former slugs of lines whose products are written."""
    given = [(former, line.slug) for line in lines for former in line.formerly]
    if given:
        await raw.execute(_REMEMBER, [former for former, _ in given], [slug for _, slug in given])
