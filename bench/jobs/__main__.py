"""`make bench-jobs`: how fast jobs are stored and run by both our backends, beside stock dramatiq, Celery,
Procrastinate and RQ, and beside what PostgreSQL and Valkey do at most.

Everybody's job does the same nothing, in one worker process with the same number of threads (or of
tasks at a time). Rounds alternate over all contenders, and a ratio is taken within its round: these machines
drift by half, so only shares of one run may be compared, never absolute figures of two.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from bench.jobs.limits import one_row_updates, push_and_pop
from bench.jobs.readings import Readings, take
from bench.jobs.stand import Contender, Stand, fetch_value, stand
from bench.jobs.tables import conditions, show

_CONTENDERS = (
    Contender("durable", "kiosk_durable"),
    Contender("durable, plain actor", "kiosk_durable", variables={"BENCH_ACTOR": "plain"}),
    Contender("fast", "kiosk_fast"),
    Contender("dramatiq, Redis", "dramatiq_redis", peer=True),
    # As it comes it fetches two messages a thread, then pauses: that alone holds jobs of nothing to a rate.
    Contender(
        "dramatiq, prefetch 64", "dramatiq_redis", peer=True, variables={"dramatiq_queue_prefetch": "64"}
    ),
    Contender("Celery, Redis", "celery_redis", peer=True),
    Contender("Procrastinate", "procrastinate_postgres", peer=True),
    Contender("RQ, Redis", "rq_redis", peer=True),
)
_BESIDE_HISTORY = Contender("durable, old jobs", "kiosk_durable", beside_history=True)
_LIMITS = {"limit: UPDATE of a row": one_row_updates, "limit: LPUSH, BRPOP": push_and_pop}


def _run(place: Stand, contenders: list[Contender], rounds: int, seconds: float) -> dict[str, Readings]:
    """The round before the first is thrown away: it tells how many jobs fill the time."""
    found = {name: Readings() for name in (*(c.name for c in contenders), *_LIMITS)}
    for number in range(rounds + 1):
        # Whoever comes after a busy neighbour comes after another one next time.
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            take(place, contender, found[contender.name], seconds)
        for name, limit in _LIMITS.items():
            found[name].drain.append(limit(place, seconds / 3))
        print(
            f"round {number} of {rounds}, load average {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True
        )
    for readings in found.values():
        readings.forget_first()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="the virtual environment of bench_jobs.txt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="that a drain takes, about")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--history", type=int, default=1_000_000, help="finished jobs; 0 leaves that out")
    parser.add_argument("--only", nargs="+", help="contenders whose names begin so")
    asked = parser.parse_args()
    contenders = [*_CONTENDERS, *([_BESIDE_HISTORY] if asked.history else [])]
    if asked.only:
        contenders = [c for c in contenders if c.name.startswith(tuple(asked.only))]
    before = os.getloadavg()
    with (
        tempfile.TemporaryDirectory() as folder,
        stand(Path(folder), asked.peers, asked.concurrency, asked.history) as place,
    ):
        found = _run(place, contenders, asked.rounds, asked.seconds)
        settings = asyncio.run(fetch_value(place.database_url, _SETTINGS))
    print(
        f"\nJobs: median (least - most) of {asked.rounds} rounds, {asked.concurrency} threads,"
        f" {asked.history:,} old jobs"
    )
    conditions(asked.peers, settings, before)
    show(found)


_SETTINGS = """
SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || ', '
       || string_agg(name || ' ' || setting, ', ' ORDER BY name)
FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
"""

if __name__ == "__main__":
    main()
