"""What one worker counted since it last told PostgreSQL.

Attempts are counted in memory, minute by minute, and written by one statement per flush: a job costs no
row here. What could not be written is kept and goes with the next flush; when only the answer to a flush
was lost, it counts twice.
"""

from __future__ import annotations

import threading
import time
from typing import Literal

import msgspec
from databases import Database

from services.database import connection
from services.jobs.backend import BackendName
from services.jobs.statistics.histogram import add_to
from services.queries import load_queries

_ADD = load_queries(__file__, "counts.sql")["add"]
_MINUTE_SECONDS = 60
_ROWS_MAX = 1000  # of one statement
Outcome = Literal["done", "retry", "dead", "crashed", "release"]
_Key = tuple[int, str, str]  # minute, queue, actor


class _Row(msgspec.Struct):
    """As `jsonb_to_recordset` reads it. `at`: where the minute begins, in seconds since 1970."""

    at: int
    backend: BackendName
    queue: str
    actor: str
    done: int = 0
    retry: int = 0
    dead: int = 0
    crashed: int = 0
    release: int = 0
    durations: list[int] = msgspec.field(default_factory=list)
    waits: list[int] = msgspec.field(default_factory=list)


class Counts:
    """Counting is for any thread; flushing is for one task."""

    def __init__(self, backend: BackendName) -> None:
        self._backend: BackendName = backend
        self._rows: dict[_Key, _Row] = {}
        self._unwritten: list[_Row] = []
        self._lock = threading.Lock()

    def count(
        self,
        queue: str,
        actor: str,
        outcome: Outcome,
        duration_ms: float | None = None,
        wait_ms: float | None = None,
    ) -> None:
        """One attempt has ended. `duration_ms`: how long it took; `wait_ms`: how long the job could have run
        before it did; None: nobody knows."""
        minute = int(time.time()) // _MINUTE_SECONDS * _MINUTE_SECONDS
        with self._lock:
            row = self._rows.get((minute, queue, actor))
            if row is None:
                row = self._rows[minute, queue, actor] = _Row(minute, self._backend, queue, actor)
            setattr(row, outcome, getattr(row, outcome) + 1)
            if duration_ms is not None:
                add_to(row.durations, duration_ms)
            if wait_ms is not None:
                add_to(row.waits, wait_ms)

    async def flush(self, database: Database) -> None:
        """Adds what was counted to the statistics. Raises DatabaseUnavailable; nothing is lost by that."""
        with self._lock:
            self._unwritten += self._rows.values()
            self._rows = {}
        while self._unwritten:
            batch = self._unwritten[:_ROWS_MAX]
            async with connection(database) as raw:
                await raw.execute(_ADD, msgspec.json.encode(batch).decode())
            del self._unwritten[:_ROWS_MAX]
