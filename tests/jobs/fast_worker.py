"""A fast worker in this process, with actors of the test's own, and the way to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import dramatiq

from services.jobs.fast_broker import FastBroker, FastRetries
from services.jobs.observation import Observation
from services.queue import FastJob, FastQueue
from services.settings import RedisSettings
from tests.conftest import patient_redis

HEARTBEAT_SECONDS = 2.0  # a worker not heard of for so long is dead


@asynccontextmanager
async def fast_queue(url: str) -> AsyncIterator[FastQueue]:
    """As a service has it, but patient: what it hands over is not dropped because the machine is busy."""
    queue = FastQueue(patient_redis(url))
    yield queue
    await queue.close()


async def hand_over(url: str, job: FastJob, *args: Any) -> None:
    async with fast_queue(url) as queue:
        assert await queue.enqueue(job, *args) == "queued"


@contextmanager
def fast_worker(
    url: str,
    actors: dict[str, Any],
    *,
    threads: int = 2,
    heartbeat_seconds: float = 60.0,
    timeout_seconds: float = 1.0,
    observation: Observation | None = None,
) -> Iterator[FastBroker]:
    """A worker of `actors`: `{"tests.name": function}`, or `(function, options)`."""
    settings = RedisSettings(redis_queue_url=url, redis_worker_timeout_seconds=timeout_seconds)
    broker = FastBroker(
        settings, heartbeat_seconds, [observation or Observation("fast"), FastRetries()], release="test"
    )
    for name, actor in actors.items():
        function, options = actor if isinstance(actor, tuple) else (actor, {})
        dramatiq.actor(actor_name=f"tests.{name}", broker=broker, **options)(function)
    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=50)
    worker.start()
    try:
        yield broker
    finally:
        broker.drain()
        worker.stop(5000)
        broker.close()
