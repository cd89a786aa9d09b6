"""Jobs in Redis: dramatiq's RedisBroker with our time limits and patience, and with steps that are one.

Jobs here may be lost with Redis; nothing that matters lives only in it (see services.queue). What dramatiq
does in two commands (store the retry, let go of the attempt) is one script here, so a job is never in two
places, and its id stays (see `fast_messages`).
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dramatiq
import redis
from dramatiq import Message, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name, q_name
from dramatiq.middleware import Middleware, Retries, SkipMessage
from prometheus_client import Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.jobs.failures import Failure
from services.jobs.fast_consumer import FastConsumer
from services.jobs.fast_keys import QueueKeys, hands
from services.jobs.fast_messages import (
    ETA,
    ID,
    QUEUED_AT,
    FastMessage,
    id_of,
    now_ms,
    with_failure,
)
from services.jobs.verdicts import BACKOFF_MIN_MS, HandedBack, worth_retrying
from services.queries import load_queries
from services.queue import NAMESPACE, queue_url
from services.settings import RedisSettings

logger = logging.getLogger("kiosk.jobs")

fast_failures_forgotten_total = Counter(
    "fast_failures_forgotten_total", "Failures that never reached their groups: PostgreSQL was away too long"
)

RETRIES_MAX = 5
_BACKOFF_MAX_MS = 300_000
# How many commands in a million also look for dead workers. dramatiq's 1,000 left a killed worker's
# jobs lying for minutes; an idle consumer asks four times a second, so this means every few seconds.
_MAINTENANCE_CHANCE = 100_000
_WAIT_SECONDS = 1.0
_PUT_BACK_KEPT_MS = 86_400_000  # longer than any bulk action is at work
_FAILURES_KEPT_MAX = 1_000  # for PostgreSQL, while it is away
_LUA = load_queries(__file__, "fast_broker.lua")
# Comes before dramatiq's own script. Redis refuses a script's first command when its memory is full and the
# command could take more, as dramatiq's heartbeat does: then nothing could be acknowledged and nothing would
# ever be freed. Taking something away that is not there may always come first, and lets the rest pass.
# And nothing is fetched of a paused queue, not even by a worker that does not know yet. Last it notes when
# dramatiq's maintenance, which comes next, makes a dead worker's jobs ready again.
_BEFORE_DISPATCH = """
redis.call('srem', KEYS[1] .. ':__nobody__', '')
if ARGV[1] == 'fetch' and redis.call('sismember', KEYS[1] .. ':__paused__', ARGV[3]) == 1 then
  return {}
end
if ARGV[7] == '1' and string.sub(ARGV[3], -3) ~= '.DQ' then
  local lost = redis.call('zrangebyscore', KEYS[1] .. ':__heartbeats__', 0, ARGV[2] - ARGV[5])
  for _, worker in ipairs(lost) do
    if worker ~= ARGV[4] then
      for _, id in ipairs(redis.call('smembers', KEYS[1] .. ':__acks__.' .. worker .. '.' .. ARGV[3])) do
        redis.call('zadd', KEYS[1] .. ':' .. ARGV[3] .. '.back', ARGV[2], id)
      end
    end
  end
end
"""


class FastRetries(Retries):
    """Few and soon: a fast job that keeps failing is not worth keeping."""

    def __init__(self) -> None:
        super().__init__(max_retries=RETRIES_MAX, min_backoff=BACKOFF_MIN_MS, max_backoff=_BACKOFF_MAX_MS)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        assert isinstance(broker, FastBroker)
        assert isinstance(message, FastMessage)
        if isinstance(exception, HandedBack):
            broker.put_back_begun(message)
        elif exception is not None and not worth_retrying(exception):
            message.options["retries"] = message.options.get("retries", 0) + 1
            message.fail()
        else:
            super().after_process_message(broker, message, result=result, exception=exception)  # type: ignore[no-untyped-call]  # dramatiq gives it no types


class _Gate(Middleware):
    """The last in the list: notes when an attempt begins, and lets none of a paused queue begin."""

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        assert isinstance(broker, FastBroker)
        assert isinstance(message, FastMessage)
        if q_name(message.queue_name) in broker.paused:
            broker.put_back_begun(message)
            raise SkipMessage("Its queue is paused")
        message.begin()


class FastBroker(RedisBroker):
    """A RedisBroker that outlives Redis. `paused`: the queues of which nothing is begun."""

    def __init__(
        self,
        settings: RedisSettings,
        heartbeat_seconds: float,
        middleware: list[Middleware],
        release: str = "dev",
    ) -> None:
        client = redis.Redis.from_url(
            queue_url(settings),
            socket_connect_timeout=settings.redis_worker_timeout_seconds,
            socket_timeout=settings.redis_worker_timeout_seconds,
            retry=Retry(NoBackoff(), 0),  # dramatiq's threads try again themselves
        )
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq gives it no types
            client=client,
            middleware=[*middleware, _Gate()],
            namespace=NAMESPACE,
            maintenance_chance=_MAINTENANCE_CHANCE,
            heartbeat_timeout=round(heartbeat_seconds * 1000),
        )
        dispatch = (Path(dramatiq.brokers.redis.__file__).parent / "redis" / "dispatch.lua").read_text()
        self.scripts["dispatch"] = client.register_script(_BEFORE_DISPATCH + dispatch)
        self._lua = {name: client.register_script(text) for name, text in _LUA.items()}
        self._release = release
        self.draining = False
        self.paused: frozenset[str] = frozenset()
        # Of each queue (and `QUEUE.DQ`), what this process has been handed and has not let go of.
        self.in_hand: defaultdict[str, set[str]] = defaultdict(set)
        self.failures: deque[tuple[str, Failure]] = deque(maxlen=_FAILURES_KEPT_MAX)  # with the actor's name

    @property
    def consumer_class(self) -> type[FastConsumer]:
        return FastConsumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> FastConsumer:
        """Called again after each loss of Redis; dramatiq has forgotten the delayed jobs it held by then."""
        if queue_name == dq_name(queue_name):
            self.in_hand[queue_name].clear()
        return FastConsumer(self, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]  # dramatiq gives it no types

    def enqueue(self, message: Message[Any] | FastMessage, *, delay: int | None = None) -> Message[Any]:
        """Called in a worker for a retry, or for a delayed job that is due: dramatiq acknowledges the old
        message next, whatever happened here. So this waits for Redis instead of raising."""
        while True:
            try:
                return self._store(message, delay)
            except redis.RedisError as error:
                if self.draining:
                    if isinstance(message, FastMessage):
                        self._is_gone(message)  # the next worker finds it among what this one leaves behind
                    raise
                logger.warning("redis away", extra={"facts": {"why": repr(error)}})
                time.sleep(_WAIT_SECONDS)

    def _store(self, given: Message[Any] | FastMessage, delay: int | None) -> Message[Any]:
        message = given._message if isinstance(given, FastMessage) else given
        in_hand = ID in message.options
        message = message.copy(options={ID: id_of(message)})
        if isinstance(given, FastMessage):
            message = self._with_failure(given, message)
        if delay is not None:
            return self._delay(given, message, now_ms() + delay)
        message.options.pop(ETA, None)
        message.options[QUEUED_AT] = now_ms()
        if in_hand:
            self._ripen(message)
        else:
            self.do_enqueue(message.queue_name, id_of(message), message.encode())
        return message

    def _delay(self, given: Message[Any] | FastMessage, message: Message[Any], eta: int) -> Message[Any]:
        keys = QueueKeys(q_name(message.queue_name))
        delayed = message.copy(queue_name=dq_name(keys.queue), options={ETA: eta})
        own = hands(self.broker_id, keys.queue)
        self._run(
            "delay",
            [own, keys.messages, keys.delayed, keys.delayed_messages, keys.due],
            [id_of(message), delayed.encode(), eta],
        )
        if isinstance(given, FastMessage):
            self._is_gone(given)
        return delayed

    def _ripen(self, message: Message[Any]) -> None:
        keys = QueueKeys(message.queue_name)
        own = hands(self.broker_id, dq_name(keys.queue))
        self._run(
            "ripen",
            [own, keys.delayed_messages, keys.due, keys.ready, keys.messages],
            [id_of(message), message.encode()],
        )

    def bury(self, message: FastMessage) -> None:
        """To the dead letters, with the failure. Raises redis.RedisError."""
        keys = QueueKeys(q_name(message.queue_name))
        kept = self._with_failure(message, message._message)
        own = hands(self.broker_id, keys.queue)
        self._run(
            "bury",
            [own, keys.messages, keys.dead, keys.dead_messages],
            [message.id, kept.encode(), now_ms()],
        )

    def put_back(self, queue_name: str, ids: list[str]) -> None:
        """Unbegun, to the head of their list. Raises redis.RedisError."""
        self._return_to_list("put_back", queue_name, ids)

    def put_back_begun(self, message: FastMessage) -> None:
        """A job that a thread holds. Without Redis it stays in this worker's hands: once the worker has
        ended, or asks what it has forgotten, it is found there."""
        message.released = True
        try:
            self.put_back(message.queue_name, [message.id])
        except redis.RedisError as error:
            logger.warning("not put back: redis away", extra={"facts": {"why": repr(error)}})
        self._is_gone(message)

    def _is_gone(self, message: FastMessage) -> None:
        message.gone = True
        self.in_hand[message.queue_name].discard(message.id)

    def reclaim(self, queue_name: str, known: set[str]) -> None:
        """Puts back what Redis holds for this worker while the worker does not know of it."""
        if self.client.scard(hands(self.broker_id, queue_name)) != len(known):
            found = self._return_to_list("reclaim", queue_name, known)
            if found:
                logger.info("jobs reclaimed", extra={"facts": {"queue": queue_name, "jobs": found}})

    def _return_to_list(self, script: str, queue_name: str, ids: Iterable[str]) -> Any:
        """The delayed are scheduled in a worker's hands, too: nothing is noted of them."""
        keys, now = QueueKeys(queue_name), now_ms()
        noted = [] if queue_name == dq_name(queue_name) else [keys.put_back]
        return self._run(
            script,
            [hands(self.broker_id, queue_name), keys.messages, keys.ready, *noted],
            [now, now - _PUT_BACK_KEPT_MS, *ids],
        )

    def say_alive(self, queue_name: str) -> None:
        """For who fetches nothing: each command is a heartbeat, and without one another worker is given what
        this one has in hand. Does nothing while Redis is away."""
        try:
            self.do_qsize(queue_name)
        except redis.RedisError as error:
            logger.debug("redis away", extra={"facts": {"why": repr(error)}})

    def drain(self) -> None:
        """Fetches nothing more."""
        self.draining = True

    def close(self) -> None:
        self.client.close()

    def _with_failure(self, held: FastMessage, message: Message[Any]) -> Message[Any]:
        last = held.last_failure(self._release)
        if last is not None and not held.noted:
            if len(self.failures) == _FAILURES_KEPT_MAX:
                fast_failures_forgotten_total.inc()
            self.failures.append((held.actor_name, replace(last.failure, traceback="")))
            held.noted = True
        return with_failure(message, last)

    def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        return self._lua[script](keys=keys, args=arguments)
