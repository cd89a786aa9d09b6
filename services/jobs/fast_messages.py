"""A fast job as Redis holds it: dramatiq's message in JSON. What Kiosk adds rides in its options, which
dramatiq hands on untouched: when it became ready, and how its last attempt failed.

The id in Redis (`redis_message_id`) is the job's id as long as it lives: dramatiq would give it a new
one with each retry, because it stores the retry before it lets go of the attempt. Here both are one step.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from dramatiq import Message

from services.jobs.failures import Failure, failure_of
from services.jobs.messages import JobMessage
from services.request_context import RequestContext

ID, ETA, QUEUED_AT, FAILURE = "redis_message_id", "eta", "queued_at", "failure"
_OF_PAST_TRIES = ("retries", "requeue_timestamp", "traceback", FAILURE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORKER = f"{socket.gethostname()}:{os.getpid()}"


class LastFailure(msgspec.Struct, frozen=True, kw_only=True):
    """The last attempt that raised; `failure` as the groups know it."""

    number: int
    failure: Failure
    started_at: datetime | None
    failed_at: datetime
    worker: str  # host:pid
    release: str


class StoredJob(msgspec.Struct, frozen=True, kw_only=True):
    """A message, decoded: `dramatiq.Message`, version 2. Times are UNIX milliseconds."""

    queue_name: str
    actor_name: str
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    message_id: str
    message_timestamp: int

    @property
    def id(self) -> str:
        return str(self.options.get(ID) or self.message_id)

    @property
    def failures(self) -> int:
        return int(self.options.get("retries") or 0)

    @property
    def failure(self) -> LastFailure | None:
        try:
            return msgspec.convert(self.options[FAILURE], LastFailure)
        except (KeyError, msgspec.ValidationError):  # an older release's
            return None

    @property
    def queued_ms(self) -> int:
        """Since when it waits in its queue."""
        return int(self.options.get(QUEUED_AT) or self.message_timestamp)

    @property
    def scheduled_ms(self) -> float:
        """Since when a scheduled one waits for its time. To be put off by who does not know its actor is no
        news: else nobody could discard such jobs, which go round twice a minute."""
        last = self.failure
        return self.message_timestamp if last is None else max(self.message_timestamp, ms_of(last.failed_at))

    def anew(self, queue: str) -> bytes:
        """The same job as if it had never been tried."""
        options = {key: value for key, value in self.options.items() if key not in _OF_PAST_TRIES}
        options.pop(ETA, None)
        options[QUEUED_AT] = now_ms()
        return msgspec.json.encode(msgspec.structs.replace(self, queue_name=queue, options=options))


class FastMessage(JobMessage):
    """A message in a worker's hands. `gone`: it went elsewhere already, so there is nothing to
    acknowledge; `released`: it went back unbegun or unfinished."""

    began: datetime | None = None
    gone = False
    released = False
    noted = False  # its failure

    @property
    def id(self) -> str:
        return id_of(self._message)

    def begin(self) -> None:
        self.began = datetime.now(UTC)

    def request(self) -> RequestContext:
        return self.context_of(self.options.get("request_id"), None)

    def ready_at(self) -> datetime:
        return as_time(self.options.get(QUEUED_AT) or self.message_timestamp)

    def outcome(self, error: BaseException | None) -> str:
        if self.released:
            return "release"
        if error is None:
            return "done"
        return "dead" if self.failed else "retry"

    def last_failure(self, release: str) -> LastFailure | None:
        """How this attempt failed; None when it did not."""
        if self._exception is None:
            return None
        return LastFailure(
            number=int(self.options.get("retries") or 1),
            failure=failure_of("fast", self._exception),
            started_at=self.began,
            failed_at=datetime.now(UTC),
            worker=_WORKER,
            release=release,
        )


def id_of(message: Message[Any]) -> str:
    return str(message.options.get(ID) or message.message_id)


def with_failure(message: Message[Any], failure: LastFailure | None) -> Message[Any]:
    """The message to keep after a failed attempt. dramatiq's own `traceback` is the same, cut shorter."""
    options = {key: value for key, value in message.options.items() if key != "traceback"}
    if failure is not None:
        options[FAILURE] = msgspec.to_builtins(failure)
    kept: Message[Any] = message._replace(options=options)
    return kept


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ms_of(time: datetime) -> float:
    """UNIX milliseconds, exact to the microsecond."""
    return (time - _EPOCH) // timedelta(microseconds=1) / 1000


def as_time(milliseconds: float) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
