"""Durable jobs survive: their workers killed with `kill -9`, PostgreSQL shut down in the middle of 10,000.

KILLS=200 makes the soak of it (make soak-jobs)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from ops.console import say
from ops.local.postgres import TemporaryPostgres
from ops.local.valkey import TemporaryValkey
from tests.faults.soak import (
    Crew,
    audit,
    crew,
    enqueue_notes,
    enqueue_products,
    in_state,
    open_book,
    outcomes,
)
from tests.jobs.conditions import eventually
from tests.jobs.conftest import Owner

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "20"))
NOTES = 10_000
BATCH, BACKLOG_MIN, HOLD_MS_MAX = 50, 100, 200
# Far longer than a busy machine keeps a living worker from its heartbeat: here only the dead lose a lease.
RHYTHM = {"JOB_LEASE_SECONDS": 3, "JOB_HEARTBEAT_SECONDS": 0.2, "JOB_POLL_SECONDS": 0.2, "WORKER_THREADS": 8}
# One job may meet many kills here, by chance. No job is to be parked for it.
NEVER_PARKED = {"JOB_CRASHES_MAX": 1_000}


class Load:
    """Keeps jobs waiting as long as it is wanted. `jobs` counts them."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.jobs, self.wanted = owner, 0, True

    async def run(self) -> None:
        while self.wanted:
            if await in_state(self.owner, "queued") < BACKLOG_MIN:
                hold_ms = random.randint(1, HOLD_MS_MAX)
                await enqueue_products(self.owner, self.jobs + 1, self.jobs + BATCH, hold_ms)
                self.jobs += BATCH
            await asyncio.sleep(0.05)  # how often the backlog is looked at, until the kills are done


async def _kill_at_random(owner: Owner, workers: Crew) -> None:
    """Each worker in the middle of its jobs, be it an old hand or one that has just begun."""
    begun = "SELECT count(*) FROM soak.effects WHERE worker = $1"
    at_work = "SELECT EXISTS (SELECT FROM soak.effects WHERE worker = $1 AND ended_at IS NULL)"
    for _ in range(KILLS):
        victim = random.choice(list(workers.processes))
        already = await owner.fetchval(begun, victim)
        enough = already + random.randint(1, 25)

        async def is_due(victim: str = victim, enough: int = enough) -> bool:
            assert workers.processes[victim].poll() is None, workers.said(victim)
            return bool(
                await owner.fetchval(begun, victim) >= enough and await owner.fetchval(at_work, victim)
            )

        await eventually(is_due, within_seconds=60)
        workers.kill(victim)
        await owner.execute("INSERT INTO soak.deaths (worker) VALUES ($1)", victim)
        workers.start()


async def test_jobs_survive_workers_that_are_killed_at_random(
    database_url: str, owner: Owner, valkey: TemporaryValkey, tmp_path: Path
) -> None:
    began = time.perf_counter()
    await open_book(owner)
    feeder = await asyncpg.connect(database_url)
    load = Load(feeder)
    with crew(tmp_path, DATABASE_URL=database_url, REDIS_URL=valkey.url, **RHYTHM, **NEVER_PARKED) as workers:
        feeding = asyncio.create_task(load.run())
        try:
            await _kill_at_random(owner, workers)
        finally:
            load.wanted = False
            await feeding
            await feeder.close()
        await eventually(lambda: _all_done(owner, load.jobs), within_seconds=120)
        assert await audit(owner) == {}
        ended = await outcomes(owner)
    assert ended.keys() == {"done", "crashed"}, ended
    assert ended["done"] == load.jobs
    assert ended["crashed"] >= KILLS // 2  # or the kills met nobody at work
    figures = f"{load.jobs} jobs, {ended['crashed']} attempts lost to a kill and recovered"
    say(f"{KILLS} kills, {figures}, {time.perf_counter() - began:.0f} s")


async def _all_done(owner: Owner, jobs: int) -> bool:
    return await in_state(owner, "done") == jobs


def _shut_down_immediately(server: TemporaryPostgres) -> None:
    """Nobody is waited for and no session ends in order: the next start recovers from the log."""
    os.kill(server.pid, signal.SIGQUIT)
    server.stop()


async def test_10000_jobs_survive_two_restarts_of_postgresql(
    own_postgres: TemporaryPostgres, valkey: TemporaryValkey, tmp_path: Path
) -> None:
    began = time.perf_counter()
    owner = await asyncpg.connect(own_postgres.url)
    # Servers of tests are faster than safe; what this one has committed is to outlive its shutdown.
    await owner.execute("ALTER DATABASE kiosk SET synchronous_commit = on")
    await open_book(owner)
    await owner.close()
    owner = await asyncpg.connect(own_postgres.url)
    await enqueue_notes(owner, NOTES)
    with crew(tmp_path, DATABASE_URL=own_postgres.url, REDIS_URL=valkey.url, **RHYTHM) as workers:
        for done_min in (NOTES // 4, NOTES // 2):
            await eventually(partial(_done_at_least, owner, done_min), within_seconds=180)
            assert await in_state(owner, "queued") > 0
            await owner.close()
            _shut_down_immediately(own_postgres)
            own_postgres.start()
            owner = await asyncpg.connect(own_postgres.url)
        await eventually(lambda: _all_done(owner, NOTES), within_seconds=180)
        assert await audit(owner) == {}
        pids = {process.pid for process in workers.processes.values() if process.poll() is None}
        assert len(pids) == 2
        await eventually(lambda: _are_told(owner, pids), within_seconds=60)
        ended = await outcomes(owner)
    await owner.close()
    assert ended["done"] == NOTES
    say(f"{NOTES} jobs, two shutdowns: {ended}, {time.perf_counter() - began:.0f} s")


async def _are_told(owner: Owner, pids: set[int]) -> bool:
    """Whether these processes, and no others, are told as workers."""
    told = await owner.fetch("SELECT pid FROM jobs.workers WHERE stopped_at IS NULL")
    return sorted(row["pid"] for row in told) == sorted(pids)


async def _done_at_least(owner: Owner, least: int) -> bool:
    return await in_state(owner, "done") >= least
