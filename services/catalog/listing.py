"""The product list: filters, five sorts, keyset paging. One statement per page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg
from databases import Database

from services.catalog.cursors import Cursor, decode_cursor
from services.catalog.facet_counts import facets_of
from services.catalog.facet_shapes import FacetName, Facets
from services.catalog.facets import asked_facets, beside_page
from services.catalog.shapes import AVAILABILITY, Image, ListQuery, ProductCard, ProductPage
from services.catalog.statement import Statement
from services.database import connection
from services.errors import FieldError, Invalid
from services.money import Money
from services.queries import load_queries

_SQL = load_queries(__file__, "listing.sql")
_FROM_PRODUCTS, _FROM_CATEGORY = _SQL["card_from_products"], _SQL["card_from_category"]
_BY_RELEVANCE = _SQL["card_by_relevance"]
_IN_CATEGORY, _UNDER_CATEGORY = _SQL["in_category"], _SQL["under_category"]
_MATCHES = _SQL["matches"]
_MATCHES_TITLE, _MATCHES_ELSEWHERE = _SQL["matches_title"], _SQL["matches_elsewhere"]
_MATCHES_TITLE_WITHOUT = _SQL["matches_title_without"]


@dataclass(frozen=True, slots=True)
class Sort:
    """A column that both `products` and `category_listing` have in an index, with the id after it."""

    column: Literal["published_at", "price_minor", "title_key"]
    cursor_field: Literal["moment", "number", "text"]
    descending: bool


SORTS = {
    "newest": Sort("published_at", "moment", descending=True),
    "price": Sort("price_minor", "number", descending=False),
    "-price": Sort("price_minor", "number", descending=True),
    "name": Sort("title_key", "text", descending=False),
}


async def list_products(
    database: Database, query: ListQuery, currency: str, timeout_seconds: float
) -> ProductPage:
    """One page, the cursor of the next, and the facets asked for. Raises Invalid (sort, cursor, facets)
    and DatabaseUnavailable; one round trip."""
    sort, asked = _sort_of(query), asked_facets(query)
    text, arguments = statement_of(query, sort, asked)
    async with connection(database, timeout_seconds) as raw:
        rows = await raw.fetch(text, *arguments)
    facets = facets_of(rows[0]["facets"], query, asked, currency) if asked else Facets()
    rows = [row for row in rows if row["id"] is not None]  # the facets of an empty page have a row too
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    next_cursor = _cursor_after(rows[-1], sort).encode() if more else None
    return ProductPage([_card(row, currency) for row in rows], next_cursor, facets)


def statement_of(query: ListQuery, sort: str, asked: Sequence[FacetName]) -> tuple[str, list[Any]]:
    """What a page, and the facets asked for, are read by. Raises Invalid (cursor)."""
    cursor = decode_cursor(query.cursor, sort) if query.cursor else None
    text, statement = (
        _by_relevance(query, cursor) if sort == "relevance" else _by_column(query, SORTS[sort], cursor)
    )
    if asked:
        text = beside_page(text, statement, query, asked)
    return text, statement.arguments


def _sort_of(query: ListQuery) -> str:
    words = bool(query.q.strip())
    if query.sort == "relevance" and not words:
        raise Invalid([FieldError("sort", "relevance needs words to search for (q)")])
    return query.sort or ("relevance" if words else "newest")


def _by_column(query: ListQuery, sort: Sort, cursor: Cursor | None) -> tuple[str, Statement]:
    """Walks the index that has the sort's order: the category's own where one is asked for."""
    statement = Statement()
    beginning, keys = _FROM_PRODUCTS, f"p.{sort.column}, p.id"
    statement.where("p.published_at IS NOT NULL")
    if query.category is not None:
        beginning, keys = _FROM_CATEGORY, f"l.{sort.column}, l.product_id"
        statement.where(_IN_CATEGORY, query.category)
    if query.q.strip():
        statement.where(_MATCHES, query.q)
    _filter(statement, query, prices_in="p" if query.category is None else "l")
    if cursor is not None:
        value = getattr(cursor, sort.cursor_field)
        if value is None:
            raise Invalid([FieldError("cursor", "is not a cursor of this list")])
        statement.where(f"({keys}) {'<' if sort.descending else '>'} ({{0}}, {{1}})", value, cursor.id)
    order = keys.replace(",", " DESC,") + " DESC" if sort.descending else keys
    text = f"{beginning}{statement.text} ORDER BY {order} LIMIT {query.limit + 1}"
    return text, statement


def _by_relevance(query: ListQuery, cursor: Cursor | None) -> tuple[str, Statement]:
    """Two walks by popularity: all words in the title, then all words anywhere. The second is begun
    only when the first does not fill the page: a word that is common in titles would make it scan
    every match in vain."""
    statement = Statement()
    rows = query.limit + 1
    if cursor is not None and cursor.tier == 0:  # the title's half was finished on a page before
        elsewhere = _half(statement, query, 0, _MATCHES_ELSEWHERE, cursor)
        return elsewhere, statement
    may_exclude = "-" in (query.q or "")
    in_title = _MATCHES_TITLE_WITHOUT if may_exclude else _MATCHES_TITLE
    title = _half(statement, query, 1, in_title, cursor)
    elsewhere = _half(statement, query, 0, _MATCHES_ELSEWHERE, None, f"(SELECT count(*) FROM title) < {rows}")
    text = (
        f"WITH title AS MATERIALIZED ({title}), elsewhere AS ({elsewhere}) "
        f"SELECT * FROM title UNION ALL SELECT * FROM elsewhere "
        f"ORDER BY tier DESC, popularity DESC, id DESC LIMIT {rows}"
    )
    return text, statement


def _half(
    statement: Statement, query: ListQuery, tier: int, matches: str, cursor: Cursor | None, only_if: str = ""
) -> str:
    statement.conditions = [only_if] if only_if else []
    statement.where(matches, query.q)
    if query.category is not None:
        statement.where(_UNDER_CATEGORY, query.category)
    _filter(statement, query)
    if cursor is not None:
        statement.where("(s.popularity, s.product_id) < ({0}, {1})", cursor.number or 0, cursor.id)
    order = f"ORDER BY s.popularity DESC, s.product_id DESC LIMIT {query.limit + 1}"
    return f"SELECT {tier} AS tier, half.* FROM ({_BY_RELEVANCE}{statement.text} {order}) half"


def _filter(statement: Statement, query: ListQuery, prices_in: str = "p") -> None:
    """The filters that narrow any walk. Prices are asked of the table that is walked: where few match,
    its index by price finds them."""
    if query.brand:
        statement.where("p.brand = ANY ({0})", query.brand)
    if query.price_min is not None:
        statement.where(prices_in + ".price_minor >= {0}", query.price_min)
    if query.price_max is not None:
        statement.where(prices_in + ".price_minor <= {0}", query.price_max)
    if query.in_stock:
        statement.where("p.availability > 0")
    for name, values in query.attributes.items():
        statement.where("p.attribute_terms && {0}::text[]", [f"{name}={value}" for value in values])


def _cursor_after(row: asyncpg.Record, sort: str) -> Cursor:
    if sort == "relevance":
        return Cursor(sort, number=row["popularity"], tier=row["tier"], id=row["id"])
    column = SORTS[sort]
    return Cursor(sort, **{column.cursor_field: row[column.column]}, id=row["id"])


def _card(row: asyncpg.Record, currency: str) -> ProductCard:
    before = row["compare_at_minor"]
    url = row["image_url"]
    return ProductCard(
        slug=row["slug"],
        title=row["title"],
        brand=row["brand"],
        price=Money(row["price_minor"], currency),
        compare_at=None if before is None else Money(before, currency),
        image=None if url is None else Image(url, row["image_alt"] or ""),
        availability=AVAILABILITY[row["availability"]],
    )
