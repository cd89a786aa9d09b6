"""Import of products: any number of lines, in batches that each commit or do not.

Lines count as if they came one after the other: a later line of the same slug wins. What is sent
again changes nothing, so an import that broke off is simply sent again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import asyncpg
from databases import Database

from services.cache import ResponseCache
from services.catalog.import_batch import Stored, store_batch
from services.catalog.import_lines import Line, decode_line, read_lines
from services.catalog.import_shapes import ImportReport, LineError
from services.catalog.resources import CATEGORIES_KEY, product_key
from services.database import transaction
from services.errors import DatabaseUnavailable, FieldError, Invalid
from services.settings import StoreSettings

# A batch has to stay well below the statement timeout, on a slow machine too.
BATCH_LINES_MAX = 250
BATCH_BYTES_MAX = 500_000
ERRORS_LISTED_MAX = 1000
_TURNS_TRIED = 10  # each waits for DATABASE_LOCK_TIMEOUT_SECONDS while another import writes

# What the checks here did not foresee in the data; anything else is a fault of ours.
_REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


class ProductImport:
    """One import on its way: the batch that is being gathered, and what became of those before."""

    def __init__(self, database: Database, cache: ResponseCache, store: StoreSettings) -> None:
        self._database, self._cache, self._store = database, cache, store
        self._batch: list[Line] = []
        self._taken: set[str] = set()  # slugs and SKUs of the batch
        self._size = self._created = self._updated = self._unchanged = self._omitted = 0
        self._errors: list[LineError] = []

    async def run(self, chunks: AsyncIterator[bytes]) -> ImportReport:
        """Reads to the end and reports. Raises DatabaseUnavailable; what was stored before it stays."""
        async for number, raw in read_lines(chunks):
            try:
                line = decode_line(number, raw, self._store.currency)
            except Invalid as error:
                self._refuse(number, error.errors)
            else:
                await self._gather(line)
        await self._store_gathered()
        errors = sorted(self._errors, key=lambda error: error.line)
        return ImportReport(self._created, self._updated, self._unchanged, errors, self._omitted)

    async def _gather(self, line: Line) -> None:
        """Adds to the batch. One that has a slug of the line's or a SKU of it already goes first: within
        a batch nothing is written twice."""
        names = {f"/{slug}" for slug in (line.slug, *line.formerly)} | {*line.skus}
        full = len(self._batch) == BATCH_LINES_MAX or self._size + line.size > BATCH_BYTES_MAX
        if full or not self._taken.isdisjoint(names):
            await self._store_gathered()
        self._batch.append(line)
        self._taken |= names
        self._size += line.size

    async def _store_gathered(self) -> None:
        lines, self._batch, self._size = self._batch, [], 0
        self._taken = set()
        while lines:
            try:
                done = await self._store_lines(lines)
            except DatabaseUnavailable as error:
                detail = f"Everything before line {lines[0].number} is done; send the whole again"
                raise DatabaseUnavailable(detail) from error.__cause__
            lines = lines[done:]

    async def _store_lines(self, lines: Sequence[Line]) -> int:
        """Stores lines from the first on and returns how many are done with. Where PostgreSQL refuses
        something in them, half of them are tried, and so on: one bad line must not cost the others."""
        try:
            stored = await self._in_turn(lines)
        except _REFUSALS as error:
            if len(lines) > 1:
                return await self._store_lines(lines[: len(lines) // 2])
            self._refuse(lines[0].number, [FieldError("", f"can't be stored: {error}")])
            return 1
        await self._note(lines[: stored.lines], stored)
        return stored.lines

    async def _in_turn(self, lines: Sequence[Line]) -> Stored:
        """In a transaction; tries again while others hold what it needs to lock."""
        for tried in range(1, _TURNS_TRIED + 1):
            try:
                async with transaction(self._database) as raw:
                    return await store_batch(raw, lines, self._store.low_stock_level)
            except DatabaseUnavailable as error:
                if tried == _TURNS_TRIED or not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _note(self, lines: Sequence[Line], stored: Stored) -> None:
        """Counts, and forgets cached answers: also of unchanged products, because an earlier try may
        have ended between its commit and this."""
        self._created += stored.created
        self._updated += stored.updated
        self._unchanged += stored.unchanged
        for number, errors in stored.refused.items():
            self._refuse(number, errors)
        keys = [
            product_key(slug)
            for line in lines
            if line.number not in stored.refused
            for slug in (line.slug, *line.formerly)
        ]
        if keys:
            await self._cache.forget(*keys, *([CATEGORIES_KEY] if stored.new_categories else []))

    def _refuse(self, number: int, errors: Sequence[FieldError]) -> None:
        listed = errors[: ERRORS_LISTED_MAX - len(self._errors)]
        self._errors += (LineError(number, error.field, error.message) for error in listed)
        self._omitted += len(errors) - len(listed)
