"""Stock dramatiq on Redis: its own middleware and command line, one process."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.cli import main as command_line
from dramatiq.cli import make_argument_parser

from bench.jobs.contenders.program import CONCURRENCY, REDIS_URL, Store, main, ran

dramatiq.set_broker(RedisBroker(url=REDIS_URL))
run = dramatiq.actor(actor_name="run")(ran)


def work() -> None:
    options = ["--processes", "1", "--threads", str(CONCURRENCY), "--skip-logging"]
    command_line(make_argument_parser().parse_args([*options, "bench.jobs.contenders.dramatiq_redis"]))


if __name__ == "__main__":
    main(lambda: Store(one=run.send), work)
