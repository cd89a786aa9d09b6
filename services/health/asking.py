"""A question to PostgreSQL by the eyes of role `health`, with a limit that a frozen server keeps too."""

from __future__ import annotations

from typing import Any

from asyncpg import Record
from databases import Database

from services.database import connection


def whole_seconds(seconds: float) -> float:
    """How long `rows_of` may take at most: for the connection, for the answer, and for the cut."""
    return 2 * seconds + 0.2


async def rows_of(database: Database, seconds: float, statement: str, *values: Any) -> list[Record]:
    """The answer; a connection may take `seconds`, and then the answer `seconds`. The limit stands at the
    statement: one that came from outside would end in giving the connection back, which waits for a word
    of the server. Raises DatabaseUnavailable, PostgresError."""
    async with connection(database, seconds) as raw:
        return await raw.fetch(statement, *values, timeout=seconds)
