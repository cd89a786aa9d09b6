"""A bulk action on fast jobs, which deletes for good, leaves alone what came into its state afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dramatiq
import pytest

from ops.local.valkey import TemporaryValkey
from services.jobs.backend import JobFilter, NewJob, State
from services.jobs.fast_broker import FastBroker, FastRetries
from services.jobs.fast_keys import HEARTBEATS, QueueKeys
from services.jobs.fast_messages import FastMessage, as_time, now_ms
from services.jobs.resources import Jobs
from services.settings import RedisSettings
from tests.jobs.conditions import eventually
from tests.jobs.test_fast_steps import fetched

KEYS = QueueKeys("default")
ACTOR = "tests.note"


@pytest.fixture
def broker(valkey: TemporaryValkey) -> Iterator[FastBroker]:
    broker = FastBroker(RedisSettings(redis_queue_url=valkey.queue_url), 60.0, [FastRetries()])
    dramatiq.actor(actor_name=ACTOR, broker=broker)(lambda *_words: None)
    yield broker
    broker.close()


async def discarded(jobs: Jobs, state: State, before_ms: float) -> int:
    batch = await jobs.backend("fast").apply("discard", JobFilter(state=state), as_time(before_ms), None, 100)
    assert batch.cursor is None
    return batch.changed


async def a_moment() -> int:
    """Now, once what was is over by a millisecond, the unit of time in Redis."""
    began = now_ms()
    await eventually(lambda: now_ms() > began)
    return now_ms()


def _fails(broker: FastBroker, message: FastMessage) -> None:
    message.stuff_exception(ValueError("no tea"))
    broker.enqueue(message, delay=3_600_000)


def _is_handed_back(broker: FastBroker, message: FastMessage) -> None:
    broker.put_back_begun(message)


def _is_forgotten(broker: FastBroker, _message: FastMessage) -> None:
    broker.reclaim("default", set())


def _loses_its_worker(broker: FastBroker, _message: FastMessage) -> None:
    own, broker.broker_id = broker.broker_id, "another"
    broker.client.zadd(HEARTBEATS, {own: 1})
    broker.maintenance_chance = 1_000_000
    broker.do_fetch("default", 0)


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (_fails, "scheduled"),
        (_is_handed_back, "ready"),
        (_is_forgotten, "ready"),
        (_loses_its_worker, "ready"),
    ],
)
async def test_a_fast_job_in_a_worker_s_hands_at_the_order_is_left_alone(
    jobs: Jobs,
    broker: FastBroker,
    move: Callable[[FastBroker, FastMessage], None],
    state: State,
) -> None:
    await jobs.backend("fast").enqueue(NewJob(actor=ACTOR))
    await a_moment()
    message = fetched(broker.consume("default"))
    ordered = await a_moment()
    move(broker, message)
    assert (await jobs.backend("fast").counts())[state] == 1
    assert await discarded(jobs, state, ordered) == 0
    assert await discarded(jobs, state, await a_moment()) == 1


async def test_a_delayed_job_that_a_worker_puts_back_was_scheduled_all_the_time(
    jobs: Jobs, broker: FastBroker
) -> None:
    broker.enqueue(broker.get_actor(ACTOR).message(), delay=3_600_000)
    delayed = fetched(broker.consume("default.DQ"))
    ordered = await a_moment()
    broker.put_back("default.DQ", [delayed.id])
    assert await discarded(jobs, "scheduled", ordered) == 1
    assert not broker.client.exists(QueueKeys("default.DQ").put_back, KEYS.put_back)


async def test_who_was_put_back_is_known_for_a_day(jobs: Jobs, broker: FastBroker) -> None:
    broker.client.zadd(KEYS.put_back, {"old": now_ms() - 86_400_001, "young": now_ms() - 86_000_000})
    await jobs.backend("fast").enqueue(NewJob(actor=ACTOR))
    message = fetched(broker.consume("default"))
    broker.put_back("default", [message.id])
    assert broker.client.zrange(KEYS.put_back, 0, -1) == [b"young", message.id.encode()]


async def test_a_job_that_nobody_knows_counts_as_scheduled_however_often_it_is_put_off(
    jobs: Jobs, broker: FastBroker
) -> None:
    await jobs.backend("fast").enqueue(NewJob(actor=ACTOR))
    consumer = broker.consume("default")
    consumer._put_off(fetched(consumer))
    ordered = await a_moment()
    broker.enqueue(fetched(broker.consume("default.DQ")).copy(queue_name="default"))
    consumer._put_off(fetched(consumer))
    assert await discarded(jobs, "scheduled", ordered) == 1
