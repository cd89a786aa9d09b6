"""One contender as a program, run in its own environment: it stores jobs in its way, or works on them.

    python -m bench.jobs.contenders.NAME store|work

To store, it reads lines such as `one 1.5` (see `_VERBS`) and answers each by one line of JSON. Every job does
the same: it calls `ran` with its number; what a worker sees goes to the socket BENCH_REPORT. Standard
library only: the peers live in an environment that holds nothing of ours.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

DATABASE_URL = os.environ.get("BENCH_DATABASE_URL", "")
REDIS_SOCKET = os.environ.get("BENCH_REDIS_SOCKET", "")
REDIS_DATABASE = 1
REDIS_URL = f"unix://{REDIS_SOCKET}?db={REDIS_DATABASE}"
CONCURRENCY = int(os.environ.get("BENCH_CONCURRENCY", "8"))
BULK = 1000  # jobs per call, where there is a call for many

_WARM, _LAST = int(os.environ.get("BENCH_WARM", "0")), int(os.environ.get("BENCH_JOBS", "0"))
_GAP_SECONDS = (0.05, 0.30)  # between paced jobs: irregular, so that no poll keeps step with them
_counted = itertools.count(1)


def ran(number: int) -> None:
    """The work of a job. Counts in memory, which costs every contender the same, and reports when the worker
    has warmed up and when the last job begins; after that, each job's start."""
    now, count = time.monotonic(), next(_counted)
    if count in (_WARM, _LAST):
        _report({"at": now, "cpu_seconds": time.process_time()})
    elif count > _LAST:
        _report({"job": number, "started": now})


def _report(fact: dict[str, float]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(json.dumps(fact).encode(), os.environ["BENCH_REPORT"])


@dataclass(frozen=True)
class Store:
    """`one(number)` stores one job and returns when it is safe there; `bulk(numbers)` many in one call, if
    the contender knows such a call; `inside(seconds)` stores in one open transaction and says how many."""

    one: Callable[[int], object]
    bulk: Callable[[range], object] | None = None
    inside: Callable[[float], int] | None = None


def main(store: Callable[[], Store], work: Callable[[], object]) -> None:
    """Does what the command line asks, until its input ends. `store` opens the connection."""
    if sys.argv[1] == "work":
        work()
        return
    opened = store()
    for line in sys.stdin:
        verb, amount = line.split()
        opened.one(-1)  # connects, and prepares what is prepared once
        print(json.dumps(_VERBS[verb](opened, float(amount))), flush=True)


def _one(store: Store, seconds: float) -> dict[str, float]:
    began, jobs = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        store.one(jobs)
        jobs += 1
    return {"jobs": jobs, "seconds": time.monotonic() - began}


def _bulk(store: Store, amount: float) -> dict[str, float]:
    jobs = int(amount)
    began = time.monotonic()
    if store.bulk is None:
        for number in range(jobs):
            store.one(number)
    else:
        for first in range(0, jobs, BULK):
            store.bulk(range(first, min(first + BULK, jobs)))
    return {"jobs": jobs, "seconds": time.monotonic() - began, "bulk": store.bulk is not None}


def _inside(store: Store, seconds: float) -> dict[str, float]:
    assert store.inside is not None
    began = time.monotonic()
    jobs = store.inside(seconds)
    return {"jobs": jobs, "seconds": time.monotonic() - began}


def _paced(store: Store, amount: float) -> dict[str, list[float]]:
    """One job at a time into a quiet queue: when each was asked for, and when it was stored."""
    asked, stored = [], []
    for number in range(int(amount)):
        time.sleep(random.uniform(*_GAP_SECONDS))
        asked.append(time.monotonic())
        store.one(number)
        stored.append(time.monotonic())
    return {"asked": asked, "stored": stored}


_VERBS: dict[str, Callable[[Store, float], Mapping[str, object]]] = {
    "one": _one,  # for so many seconds, one after the other
    "bulk": _bulk,  # so many jobs, as fast as they can be stored
    "inside": _inside,  # for so many seconds, in one open transaction
    "paced": _paced,  # so many jobs, each into a quiet queue
}
