"""A fast job goes from place to place in one step, and only from the hands that hold it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest

from ops.local.valkey import TemporaryValkey
from services.jobs.fast_broker import FastBroker, FastRetries
from services.jobs.fast_consumer import FastConsumer
from services.jobs.fast_keys import QueueKeys, hands
from services.jobs.fast_messages import FastMessage
from services.jobs.verdicts import HandedBack
from services.queue import FastJob
from services.settings import RedisSettings
from tests.jobs.conditions import eventually
from tests.jobs.fast_worker import fast_worker, hand_over

KEYS = QueueKeys("default")
NOTE = FastJob("tests.note", when_redis_is_away="drop")
Brokers = Callable[[], FastBroker]


@pytest.fixture
def brokers(own_valkey: TemporaryValkey) -> Iterator[Brokers]:
    made: list[FastBroker] = []

    def make() -> FastBroker:
        broker = FastBroker(RedisSettings(redis_queue_url=own_valkey.queue_url), 60.0, [FastRetries()])
        dramatiq.actor(actor_name="tests.note", broker=broker)(lambda *_words: None)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


async def send(server: TemporaryValkey, *words: Any) -> None:
    await hand_over(server.queue_url, NOTE, *words)


def fetched(consumer: FastConsumer) -> FastMessage:
    for message in consumer:
        if message is not None:
            assert isinstance(message, FastMessage)
            return message
    raise AssertionError("there is none")


def taken_away(broker: FastBroker, message: FastMessage) -> None:
    """As maintenance does with what a worker held that was not heard of for long."""
    assert broker.client.srem(hands(broker.broker_id, "default"), message.id) == 1
    broker.client.rpush(KEYS.ready, message.id)


def places(broker: FastBroker) -> dict[str, int]:
    client = broker.client
    return {
        "ready": client.llen(KEYS.ready),
        "messages": client.hlen(KEYS.messages),
        "delayed": client.hlen(KEYS.delayed_messages),
        "due": client.zcard(KEYS.due),
        "dead": client.zcard(KEYS.dead),
        "dead messages": client.hlen(KEYS.dead_messages),
    }


NOWHERE = dict.fromkeys(("ready", "messages", "delayed", "due", "dead", "dead messages"), 0)


@pytest.mark.parametrize("step", ["retry", "dead", "acknowledged"])
async def test_a_worker_that_lost_a_job_changes_nothing_of_it(
    step: str, own_valkey: TemporaryValkey, brokers: Brokers
) -> None:
    late, other = brokers(), brokers()
    await send(own_valkey)
    consumer = late.consume("default")
    lost = fetched(consumer)
    taken_away(late, lost)
    held = fetched(other.consume("default"))
    assert held.id == lost.id
    lost.stuff_exception(ValueError("too late"))
    if step == "retry":
        late.enqueue(lost, delay=1)
    if step == "dead":
        consumer.nack(lost)
    consumer.ack(lost)
    assert places(other) == {**NOWHERE, "messages": 1}
    assert other.client.smembers(hands(other.broker_id, "default")) == {held.id.encode()}


async def test_a_retry_leaves_the_attempt_and_keeps_the_id(
    own_valkey: TemporaryValkey, brokers: Brokers
) -> None:
    broker = brokers()
    await send(own_valkey)
    consumer = broker.consume("default")
    message = fetched(consumer)
    message.stuff_exception(ValueError("noise"))
    broker.enqueue(message, delay=0)
    assert places(broker) == {**NOWHERE, "delayed": 1, "due": 1}
    delayed = fetched(broker.consume("default.DQ"))
    assert delayed.id == message.id
    again = delayed.copy(queue_name="default")
    broker.enqueue(again)
    assert places(broker) == {**NOWHERE, "ready": 1, "messages": 1}
    assert fetched(consumer).id == message.id
    consumer.ack(message)  # of the first attempt, long after
    assert places(broker) == {**NOWHERE, "messages": 1}


async def test_a_fetch_whose_answer_was_lost_is_made_good(
    own_valkey: TemporaryValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.jobs.fast_consumer._RECLAIM_SECONDS", 0.1)
    heard: list[str] = []
    with fast_worker(own_valkey.queue_url, {"note": heard.append}) as broker:
        await send(own_valkey, "first")
        await eventually(lambda: heard == ["first"])
        lost = str(uuid.uuid4())
        message: dramatiq.Message[None] = dramatiq.Message("default", "tests.note", ("lost",), {}, {}, lost)
        with broker.client.pipeline() as pipeline:
            pipeline.hset(KEYS.messages, lost, message.encode())
            pipeline.sadd(hands(broker.broker_id, "default"), lost)
            pipeline.execute()
        await eventually(lambda: heard == ["first", "lost"])


async def test_a_job_handed_back_by_a_stopping_worker_is_not_to_blame(own_valkey: TemporaryValkey) -> None:
    tries: list[str] = []

    def note(word: str) -> None:
        tries.append(word)
        if len(tries) == 1:
            raise HandedBack()

    with fast_worker(own_valkey.queue_url, {"note": (note, {"max_retries": 0})}) as broker:
        await send(own_valkey, "word")
        await eventually(lambda: tries == ["word", "word"])
        await eventually(lambda: places(broker) == NOWHERE)
    assert not broker.failures


async def test_a_worker_that_stops_puts_back_what_it_has_not_begun(own_valkey: TemporaryValkey) -> None:
    for number in range(20):
        await send(own_valkey, number)
    heard: list[int] = []
    with fast_worker(own_valkey.queue_url, {"note": heard.append}, threads=1) as broker:
        await eventually(lambda: heard)
        broker.drain()
    with fast_worker(own_valkey.queue_url, {"note": heard.append}, threads=1) as broker:
        await eventually(lambda: places(broker) == NOWHERE)
    assert sorted(heard) == list(range(20))


async def test_dead_letters_are_kept_for_seven_days(own_valkey: TemporaryValkey, brokers: Brokers) -> None:
    assert brokers().dead_message_ttl == 7 * 86_400_000
