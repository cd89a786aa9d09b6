"""RQ on Redis: its SimpleWorker, which runs one job at a time in the worker's own process. Its Worker forks
for each job; by RQ's own benchmark that is six times slower. A worker of RQ knows no concurrency."""

from __future__ import annotations

from redis import Redis
from rq import Queue, SimpleWorker

from bench.jobs.contenders.program import REDIS_URL, Store, main, ran

_connection = Redis.from_url(REDIS_URL)
_queue = Queue("default", connection=_connection)


def many(numbers: range) -> None:
    _queue.enqueue_many([Queue.prepare_data(ran, (number,), result_ttl=0) for number in numbers])


def work() -> None:
    SimpleWorker([_queue], connection=_connection).work(logging_level="WARNING")


if __name__ == "__main__":
    main(lambda: Store(one=lambda number: _queue.enqueue(ran, number, result_ttl=0), bulk=many), work)
