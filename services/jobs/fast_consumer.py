"""How a worker fetches fast jobs, and lets go of them.

dramatiq's consumer knows one way for Redis to be away; this one knows them all: timeouts, loading, out of
memory, read-only. And it knows that an answer may be lost: what Redis then believes to be in this worker's
hands is taken back after a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
import redis
from dramatiq import MessageProxy
from dramatiq.brokers.redis import _RedisConsumer
from dramatiq.errors import ConnectionClosed

from services.jobs.fast_messages import ETA, FastMessage, StoredJob

T = TypeVar("T")

_UNKNOWN_ACTOR_DELAY_MS = 30_000
_RECLAIM_SECONDS = 10.0


class FastConsumer(_RedisConsumer):
    """Of one queue, or of its delayed jobs: those of a paused queue still ripen, but none is begun."""

    _next_reclaim = 0.0

    def __next__(self) -> FastMessage | None:
        if self.broker.draining or self.queue_name in self.broker.paused:
            _connected(self._put_back_cached)
            self.broker.say_alive(self.queue_name)
            time.sleep(self.timeout / 1000)
            return None
        if time.monotonic() >= self._next_reclaim:
            self._next_reclaim = time.monotonic() + _RECLAIM_SECONDS
            _connected(self._reclaim)
        fetched = _connected(super().__next__)
        if fetched is None:
            return None
        message = FastMessage(fetched._message)
        self._in_hand.add(message.id)
        if message.actor_name not in self.broker.actors and ETA not in message.options:
            self._put_off(message)
            return None
        return message

    def ack(self, message: MessageProxy) -> None:
        assert isinstance(message, FastMessage)
        if not message.gone:
            _connected(super().ack, message)
        self._let_go(message)

    def nack(self, message: MessageProxy) -> None:
        assert isinstance(message, FastMessage)
        if not message.gone:
            _connected(self.broker.bury, message)
        self._let_go(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        given = [message for message in messages if isinstance(message, FastMessage)]
        if given:
            _connected(self.broker.put_back, self.queue_name, [message.id for message in given])
        for message in given:
            self._let_go(message)

    def close(self) -> None:
        _connected(self._put_back_cached)

    @property
    def outstanding_message_count(self) -> int:
        """By which it fetches more or not; dramatiq's own count begins anew with each loss of Redis."""
        return len(self._in_hand) + len(self.message_cache)

    @property
    def _in_hand(self) -> set[str]:
        in_hand: set[str] = self.broker.in_hand[self.queue_name]
        return in_hand

    def _let_go(self, message: FastMessage) -> None:
        """What is gone was let go of then; by now it may be here again, as another attempt."""
        self.queued_message_ids.discard(message.message_id)
        if not message.gone:
            self._in_hand.discard(message.id)

    def _put_off(self, message: FastMessage) -> None:
        """A newer release's job is not dramatiq's dead letter: it waits for a worker that knows it."""
        self.broker.enqueue(message, delay=_UNKNOWN_ACTOR_DELAY_MS)
        self.ack(message)

    def _put_back_cached(self) -> None:
        if ids := self._cached():
            self.broker.put_back(self.queue_name, ids)
            self.message_cache = []

    def _reclaim(self) -> None:
        self.broker.reclaim(self.queue_name, {*self._in_hand.copy(), *self._cached()})

    def _cached(self) -> list[str]:
        """Fetched, and not yet handed to dramatiq."""
        return [_DECODE(raw).id for raw in self.message_cache if raw is not None]


_DECODE = msgspec.json.Decoder(StoredJob).decode


def _connected(ask: Callable[..., T], *arguments: Any) -> T:
    try:
        return ask(*arguments)
    except redis.RedisError as error:
        raise ConnectionClosed(error) from None
