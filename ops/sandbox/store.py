"""What the sandbox remembers: one SQLite file, one connection, short transactions.

Statements run on the event loop itself: each takes well under a millisecond, and because nobody else
runs meanwhile, transactions come one after the other. What was answered has been committed to the
write-ahead log, so `kill -9` loses none of it (a power cut may).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

logger = logging.getLogger("kiosk.sandbox.store")

_SCHEMA = (Path(__file__).parent / "schema.sql").read_text()
_VERSION = zlib.crc32(_SCHEMA.encode()) & 0x7FFF_FFFF  # as large as user_version can be

Row = dict[str, Any]


class Store:
    """Named parameters in, rows as dicts out. A file of another release is put aside: what is in it was
    only played."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and _version_of(file) != _VERSION:
            aside = file.with_name(f"{file.name}.older")
            file.replace(aside)
            logger.warning("the state is of another release", extra={"facts": {"moved_to": str(aside)}})
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.row_factory = _as_dict
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Never await inside: the next request would join in."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def all(self, statement: str, **values: Any) -> list[Row]:
        rows: list[Row] = self._connection.execute(statement, values).fetchall()
        return rows

    def one(self, statement: str, **values: Any) -> Row | None:
        row: Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def run(self, statement: str, **values: Any) -> int:
        """Returns how many rows changed. Raises sqlite3.IntegrityError."""
        return self._connection.execute(statement, values).rowcount

    def close(self) -> None:
        self._connection.close()


def _version_of(file: Path) -> int:
    """Closing the file's last connection folds its write-ahead log into it."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def to_json(value: Any) -> str | None:
    """A column's JSON; null stays null."""
    return None if value is None else json.dumps(value, separators=(",", ":"))


def from_json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
