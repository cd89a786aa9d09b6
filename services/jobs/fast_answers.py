"""Redis answers, or it is away: since when, and not to be asked again at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

from redis.exceptions import RedisError

from services.jobs.backend import BackendAway
from services.redis_budget import within_budget

_REST_SECONDS = 0.5  # a page asks several times; only the first question waits for a silent Redis


class Answers:
    """Remembers the first failure until Redis answers again. `budget_seconds`: how long one request may
    wait for it, all in all."""

    def __init__(self, budget_seconds: float) -> None:
        self._budget_seconds = budget_seconds
        self._away_since: datetime | None = None
        self._ask_again = 0.0

    @asynccontextmanager
    async def expected(self, *, walks: bool = False) -> AsyncIterator[None]:
        """Around questions to Redis. Raises BackendAway with the fact `since`. Who walks through many jobs
        may take longer than the budget; there each answer has its time limit."""
        if self._away_since is not None and time.monotonic() < self._ask_again:
            raise BackendAway(since=self._away_since)
        try:
            async with nullcontext() if walks else within_budget(self._budget_seconds):
                yield
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._away_since = self._away_since or datetime.now(UTC)
            self._ask_again = time.monotonic() + _REST_SECONDS
            raise BackendAway(since=self._away_since) from error
        self._away_since = None
