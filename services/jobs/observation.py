"""Every attempt of a job, seen: metrics, statistics, one log line, Sentry, and what runs at this moment."""

from __future__ import annotations

import logging
import time
from contextvars import Token
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import dramatiq
import sentry_sdk
from dramatiq import MessageProxy
from dramatiq.middleware import Middleware
from prometheus_client import Counter, Histogram

from services.errors import ShopError
from services.jobs.backend import BackendName
from services.jobs.messages import JobMessage
from services.jobs.statistics.counts import Counts, Outcome
from services.jobs.verdicts import HandedBack
from services.jobs.worker_row import RunningJob
from services.request_context import RequestContext, current_request

logger = logging.getLogger("kiosk.jobs")

jobs_total = Counter(
    "jobs_total", "Attempts of jobs: done, retry, dead, release, crashed", ["backend", "actor", "outcome"]
)
job_duration_seconds = Histogram(
    "job_duration_seconds",
    "Time an attempt took, however it ended",
    ["backend", "actor"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)


@dataclass(frozen=True, slots=True)
class _Attempt:
    job: RunningJob
    began: float
    wait_ms: float | None
    request: Token[RequestContext | None]


class Observation(Middleware):
    """Comes first in the list, so that its `after` comes last and knows the outcome. The job's logs
    and its own calls carry the id of the request that asked for it."""

    def __init__(self, backend: BackendName) -> None:
        self._backend = backend
        self.counts = Counts(backend)
        self._attempts: dict[int, _Attempt] = {}  # by the message object: one id may be delivered twice

    def running(self) -> list[RunningJob]:
        """The jobs in hand, for the worker's row."""
        return [attempt.job for attempt in list(self._attempts.values())]

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        assert isinstance(message, JobMessage)
        job = RunningJob(message.message_id, message.actor_name, datetime.now(UTC))
        request = current_request.set(message.request())
        waited = _milliseconds_between(message.ready_at(), job.started_at)
        self._attempts[id(message)] = _Attempt(job, time.perf_counter(), waited, request)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        assert isinstance(message, JobMessage)
        attempt = self._attempts.pop(id(message))
        seconds = time.perf_counter() - attempt.began
        actor, outcome = message.actor_name, cast("Outcome", message.outcome(exception))
        self._count(message, attempt, outcome, seconds)
        facts = {"job": message.message_id, "outcome": outcome, "ms": round(seconds * 1000, 2)}
        logger.info("%s %s", actor, outcome, extra={"facts": facts})
        if exception is not None and not isinstance(exception, ShopError | HandedBack):
            with sentry_sdk.new_scope() as scope:
                scope.set_tag("actor", actor)
                scope.set_tag("job", message.message_id)
                scope.capture_exception(exception)
        current_request.reset(attempt.request)

    after_skip_message = after_process_message

    def count_crash(self, queue: str, actor: str) -> None:
        """A worker went away with the job; this one found it."""
        jobs_total.labels(self._backend, actor, "crashed").inc()
        self.counts.count(queue, actor, "crashed")

    def _count(self, message: JobMessage, attempt: _Attempt, outcome: Outcome, seconds: float) -> None:
        """How long an attempt took that a stopping worker cut short says nothing about the actor."""
        actor = message.actor_name
        jobs_total.labels(self._backend, actor, outcome).inc()
        job_duration_seconds.labels(self._backend, actor).observe(seconds)
        duration_ms = None if outcome == "release" else seconds * 1000
        self.counts.count(message.queue_name, actor, outcome, duration_ms, attempt.wait_ms)


def _milliseconds_between(ready_at: datetime | None, started_at: datetime) -> float | None:
    if ready_at is None:
        return None
    return max(0.0, (started_at - ready_at).total_seconds() * 1000)  # two machines' clocks
