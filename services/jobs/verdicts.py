"""What becomes of a job after an attempt: done, retried later, dead, or handed back.

dramatiq's own `Retries` enqueues the next attempt before the present one is acknowledged, so a
worker that lost its lease could reset a job that another one runs. Here the verdict only rides on
the message; the broker writes state, next time and history in one fenced statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dramatiq import Retry
from dramatiq.common import compute_backoff

from services.errors import ShopError, meaning_of
from services.jobs.failures import Failure, failure_of

RETRIES_MAX = 10
BACKOFF_MIN_MS = 5_000
BACKOFF_MAX_MS = 3_600_000
RETRY_OPTIONS = frozenset({"max_retries", "min_backoff", "max_backoff"})  # dramatiq's names; milliseconds


class HandedBack(Retry):
    """The stopping worker cut the attempt short; the job is not to blame."""

    def __init__(self) -> None:
        super().__init__("The worker stopped", delay=0)


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Literal["done", "retry", "dead", "release"]
    delay_seconds: float = 0.0
    error_class: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    fingerprint: str | None = None
    frame: str | None = None

    def columns(self) -> tuple[str | float | None, ...]:
        """As the statement `settle` takes them."""
        return tuple(getattr(self, name) for name in self.__slots__)


DONE = Verdict("done")
RELEASE = Verdict("release")


def worth_retrying(error: BaseException) -> bool:
    """Errors the shop raises on purpose say so themselves (`errors.MEANING`); any other may pass."""
    return meaning_of(error).retry if isinstance(error, ShopError) else True


def judge(error: BaseException, failures: int, options: Mapping[str, Any]) -> Verdict:
    """The verdict on an attempt that raised; `failures` is how often the job had failed before.
    `options` are the job's over its actor's: `max_retries`, and `min_backoff` and `max_backoff` in
    milliseconds for a delay that doubles, with jitter. `dramatiq.Retry(delay=ms)` sets its own."""
    if isinstance(error, HandedBack):
        return RELEASE
    failed = failure_of("durable", error)
    if not worth_retrying(error) or failures >= options.get("max_retries", RETRIES_MAX):
        return _failed("dead", 0.0, failed)
    if isinstance(error, Retry) and error.delay is not None:
        delay_ms = error.delay
    else:
        shortest_ms = options.get("min_backoff", BACKOFF_MIN_MS)
        longest_ms = options.get("max_backoff", BACKOFF_MAX_MS)
        delay_ms = compute_backoff(failures, factor=shortest_ms, max_backoff=longest_ms)[1]
    return _failed("retry", delay_ms / 1000, failed)


def _failed(outcome: Literal["retry", "dead"], delay_seconds: float, failed: Failure) -> Verdict:
    return Verdict(
        outcome,
        delay_seconds,
        failed.error_class,
        failed.message,
        failed.traceback,
        failed.fingerprint,
        failed.frame,
    )
