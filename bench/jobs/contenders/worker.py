"""dramatiq's threads around one of our brokers, until SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

import dramatiq

from bench.jobs.contenders.program import CONCURRENCY
from services.jobs.durable_broker import DurableBroker
from services.jobs.fast_broker import FastBroker

_WAKE_MS = 250  # as in services.jobs.worker
_STOP_MS = 5_000


def run_worker(broker: DurableBroker | FastBroker, name: str, work: Callable[..., Any]) -> None:
    logging.basicConfig(level=os.environ.get("BENCH_LOG_LEVEL", "WARNING"))
    dramatiq.actor(actor_name=name, broker=broker)(work)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    worker = dramatiq.Worker(broker, worker_threads=CONCURRENCY, worker_timeout=_WAKE_MS)
    broker.emit_after("process_boot")
    worker.start()
    signal.sigwait({signal.SIGTERM})
    broker.drain()
    worker.stop(_STOP_MS)
    broker.close()
