"""Celery on Redis: a thread pool in one process, no results, and the larger prefetch that its guide to
optimizing advises for many short tasks. It acknowledges before it runs (its default, and the faster way)."""

from __future__ import annotations

from celery import Celery

from bench.jobs.contenders.program import CONCURRENCY, REDIS_DATABASE, REDIS_SOCKET, Store, main, ran

app = Celery("bench", broker=f"redis+socket://{REDIS_SOCKET}?virtual_host={REDIS_DATABASE}")
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
run = app.task(name="run")(ran)


def work() -> None:
    chatter = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    pool = ["--pool", "threads", "--concurrency", str(CONCURRENCY)]
    app.worker_main(["worker", "--loglevel", "WARNING", *pool, *chatter])


if __name__ == "__main__":
    main(lambda: Store(one=run.delay), work)
