"""Jobs in Redis: dramatiq's RedisBroker with our time limits and patience.

Jobs here may be lost with Redis; nothing that matters lives only in it (see services.queue).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import redis
from dramatiq import Message, MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Middleware, Retries
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.jobs.messages import JobMessage
from services.jobs.verdicts import BACKOFF_MIN_MS, HandedBack, worth_retrying
from services.queue import NAMESPACE, queue_url
from services.request_context import RequestContext
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.jobs")
T = TypeVar("T")

RETRIES_MAX = 5
_BACKOFF_MAX_MS = 300_000
# How many commands in a million also look for dead workers. dramatiq's 1,000 left a killed worker's
# jobs lying for minutes; an idle consumer asks once a second, so this means about every ten seconds.
_MAINTENANCE_CHANCE = 100_000
_WAIT_SECONDS = 1.0
_UNKNOWN_ACTOR_DELAY_MS = 30_000


def retries() -> Retries:
    """Few and soon: a fast job that keeps failing is not worth keeping."""
    return Retries(
        min_backoff=BACKOFF_MIN_MS,
        max_backoff=_BACKOFF_MAX_MS,
        retry_when=lambda failures, error: (
            isinstance(error, HandedBack) or (failures < RETRIES_MAX and worth_retrying(error))
        ),
    )


class FastBroker(RedisBroker):
    """A RedisBroker that outlives Redis."""

    def __init__(
        self, settings: RedisSettings, heartbeat_seconds: float, middleware: list[Middleware]
    ) -> None:
        client = redis.Redis.from_url(
            queue_url(settings),
            socket_connect_timeout=settings.redis_worker_timeout_seconds,
            socket_timeout=settings.redis_worker_timeout_seconds,
            retry=Retry(NoBackoff(), 0),  # dramatiq's threads try again themselves
        )
        super().__init__(  # type: ignore[no-untyped-call]  # theirs has no types
            client=client,
            middleware=middleware,
            namespace=NAMESPACE,
            maintenance_chance=_MAINTENANCE_CHANCE,
            heartbeat_timeout=round(heartbeat_seconds * 1000),
        )
        self.draining = False

    @property
    def consumer_class(self) -> type[FastConsumer]:
        return FastConsumer

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Called in a worker, for a retry or a delayed job that is due: dramatiq acknowledges the old
        message next, whatever happened here. So this waits for Redis instead of raising."""
        while True:
            try:
                enqueued: Message[Any] = super().enqueue(message, delay=delay)
                return enqueued
            except redis.RedisError as error:
                if self.draining:
                    raise
                logger.warning("redis away", extra={"facts": {"why": repr(error)}})
                time.sleep(_WAIT_SECONDS)

    def drain(self) -> None:
        """Fetches nothing more."""
        self.draining = True

    def close(self) -> None:
        self.client.close()


class FastMessage(JobMessage):
    def request(self) -> RequestContext:
        return self.context_of(self.options.get("request_id"), None)

    def outcome(self, error: BaseException | None) -> str:
        if error is None:
            return "done"
        return "dead" if self.failed else "retry"


class FastConsumer(_RedisConsumer):
    """dramatiq's consumer knows one way for Redis to be away; this one knows them all: timeouts,
    loading, out of memory, read-only. An acknowledgement that failed is tried again by dramatiq."""

    def __next__(self) -> FastMessage | None:
        if self.broker.draining:
            time.sleep(self.timeout / 1000)
            return None
        fetched = _connected(super().__next__)
        if fetched is None:
            return None
        message = FastMessage(fetched._message)
        if message.actor_name not in self.broker.actors and "eta" not in message.options:
            self._put_back(message)
            return None
        return message

    def _put_back(self, message: FastMessage) -> None:
        """A newer release's job is not dramatiq's dead letter: it waits for a worker that knows it."""
        self.broker.enqueue(message._message, delay=_UNKNOWN_ACTOR_DELAY_MS)
        self.ack(message)

    def ack(self, message: MessageProxy) -> None:
        _connected(super().ack, message)

    def nack(self, message: MessageProxy) -> None:
        _connected(super().nack, message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        _connected(super().requeue, messages)


def _connected(ask: Callable[..., T], *arguments: Any) -> T:
    try:
        return ask(*arguments)
    except redis.RedisError as error:
        raise ConnectionClosed(error) from None
