"""Redis answers, or it is away: since when, and not to be asked again at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from redis.exceptions import RedisError

from services.jobs.backend import BackendAway

_REST_SECONDS = 0.5  # a page asks several times; only the first question waits for a silent Redis


class Answers:
    """Remembers the first failure until Redis answers again."""

    def __init__(self) -> None:
        self._away_since: datetime | None = None
        self._ask_again = 0.0

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Around questions to Redis. Raises BackendAway with the fact `since`."""
        if self._away_since is not None and time.monotonic() < self._ask_again:
            raise BackendAway(since=self._away_since)
        try:
            yield
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._away_since = self._away_since or datetime.now(UTC)
            self._ask_again = time.monotonic() + _REST_SECONDS
            raise BackendAway(since=self._away_since) from error
        self._away_since = None
