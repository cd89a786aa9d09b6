"""How the last real calls to the payment gateway and the mail server went: what `/health` tells of
them, because nobody pings them.

One row per dependency, written by every process that calls it, so it is spared: a change from good
to bad or back is written at once, and so is the second failure in a row, the one that `/health` waits
for. Of calls that go on like the one before, each process writes at most one a second.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Literal

from databases import Database

from services.database import connection
from services.errors import DatabaseUnavailable
from services.queries import load_queries

logger = logging.getLogger("kiosk.outside_calls")

Name = Literal["payment_gateway", "mail"]

_RECORD = load_queries(__file__, "outside_calls.sql")["record"]
_SPARE_SECONDS = 1.0
_FAILURES_WRITTEN_AT_ONCE = 2
_PATIENCE_SECONDS = 0.3
_ERROR_CHARACTERS_MAX = 200


@dataclass(slots=True)
class _Course:
    """What this process has seen of one dependency."""

    failures: int = 0  # in a row
    unwritten: int = 0  # of them
    written_at: float = float("-inf")


class OutsideCalls:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._courses: dict[Name, _Course] = {"payment_gateway": _Course(), "mail": _Course()}

    async def record(self, name: Name, error: str | None, latency_ms: float) -> None:
        """Notes one call: what went wrong (an error's class, or None) and how long it took. To be
        awaited after the call, outside any transaction. Never raises, and waits 0.3 s at most for a
        connection and as long for the statement: a note that can't be written is kept for the next."""
        course = self._courses[name]
        recovered = error is None and course.failures > 0
        course.failures = 0 if error is None else course.failures + 1
        course.unwritten = 0 if error is None else course.unwritten + 1
        worse = 0 < course.failures <= _FAILURES_WRITTEN_AT_ONCE
        now = time.monotonic()
        if recovered or worse or now - course.written_at >= _SPARE_SECONDS:
            course.written_at = now
            unwritten, course.unwritten = course.unwritten, 0
            if not await self._write(name, error, unwritten, latency_ms):
                course.unwritten += unwritten

    async def _write(self, name: Name, error: str | None, failures: int, latency_ms: float) -> bool:
        try:
            async with connection(self._database, _PATIENCE_SECONDS) as raw:
                await raw.execute(
                    _RECORD, name, _storable(error), failures, latency_ms, timeout=_PATIENCE_SECONDS
                )
        except DatabaseUnavailable:
            return False
        except Exception:  # a note about a call must not undo what the call did
            logger.exception("could not note how an outside call went")
            return False
        return True


def _storable(error: str | None) -> str | None:
    if error is None:
        return None
    return error.replace("\x00", "").encode(errors="replace").decode()[:_ERROR_CHARACTERS_MAX]
