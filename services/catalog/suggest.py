"""Suggestions while typing: forgiving of typing errors, quick at any size.

The last word may be unfinished; a word that the shop's dictionary does not know is replaced by the
most similar ones it does. So the fuzzy part searches some thousand words, not a million titles.
"""

from __future__ import annotations

from databases import Database

from services.catalog.shapes import Image, Suggestion, Suggestions
from services.database import connection
from services.queries import load_queries

_SUGGEST = load_queries(__file__, "suggest.sql")["suggest"]


async def suggest(database: Database, typed: str, timeout_seconds: float) -> Suggestions:
    """Up to 8 suggestions, categories first. Raises DatabaseUnavailable; one round trip, and none for
    less than two characters."""
    if len(typed.strip()) < 2:
        return Suggestions([])
    async with connection(database, timeout_seconds) as raw:
        rows = await raw.fetch(_SUGGEST, typed)
    return Suggestions(
        [
            Suggestion(
                row["kind"],
                row["text"],
                ("/products/" if row["kind"] == "product" else "/categories/") + row["slug"],
                Image(row["image_url"], row["image_alt"] or "") if row["image_url"] else None,
            )
            for row in rows
        ]
    )
