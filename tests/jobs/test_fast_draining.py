"""A fast worker that is told to stop keeps what it has in hand until it is done."""

from __future__ import annotations

import threading
from typing import Any

from ops.local.valkey import TemporaryValkey
from services.jobs.fast_broker import FastBroker
from services.jobs.fast_keys import HEARTBEATS
from services.jobs.fast_messages import now_ms
from services.queue import FastJob
from tests.jobs.conditions import eventually
from tests.jobs.fast_worker import fast_worker, hand_over

HEARTBEAT_SECONDS = 5.0  # more than a busy machine lets a worker sleep
SLOW = FastJob("tests.slow", when_redis_is_away="drop")


def heard_of(client: Any, worker: FastBroker) -> float:
    """When, in UNIX milliseconds; 0 once it was taken for dead."""
    return client.zscore(HEARTBEATS, worker.broker_id) or 0.0


async def test_a_stopping_worker_is_not_taken_for_dead(own_valkey: TemporaryValkey) -> None:
    begun: list[str] = []
    may_end = threading.Event()

    def slow(word: str) -> None:
        begun.append(word)
        may_end.wait(30)

    url, actors = own_valkey.queue_url, {"slow": slow}
    try:
        with fast_worker(url, actors, heartbeat_seconds=HEARTBEAT_SECONDS) as stopping:
            await hand_over(url, SLOW, "word")
            await eventually(lambda: begun)
            stopping.drain()
            with fast_worker(url, actors, heartbeat_seconds=HEARTBEAT_SECONDS) as other:
                client, long_after = other.client, now_ms() + 2 * 1000 * HEARTBEAT_SECONDS
                for worker in (other, stopping):
                    await eventually(lambda: heard_of(client, worker) > long_after)  # noqa: B023
                assert begun == ["word"]
                may_end.set()
    finally:
        may_end.set()
