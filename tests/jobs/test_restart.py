"""PostgreSQL goes away and comes back; the worker stays."""

import threading

import asyncpg
import pytest

from ops.local.postgres import TemporaryPostgres
from services.queue import enqueue
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import Owner, RunWorker


async def test_an_idle_worker_survives_a_restart_of_postgresql(
    own_postgres: TemporaryPostgres, run_worker: RunWorker
) -> None:
    run_worker(own_postgres.url, send=lambda: None)
    before = await asyncpg.connect(own_postgres.url)
    await job_in_state(before, await enqueue(before, "tests.send"), "done")
    own_postgres.restart()
    after = await asyncpg.connect(own_postgres.url)
    try:
        await job_in_state(after, await enqueue(after, "tests.send"), "done")
        await eventually(lambda: _listens(after))
    finally:
        await after.close()


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
async def test_a_result_is_kept_until_postgresql_is_back(
    own_postgres: TemporaryPostgres, run_worker: RunWorker, crash: bool
) -> None:
    gate, working = threading.Event(), threading.Event()
    runs: list[int] = []

    def slow() -> None:
        runs.append(1)
        working.set()
        gate.wait(60)

    await _keep_commits(own_postgres)
    run_worker(own_postgres.url, slow=slow)
    before = await asyncpg.connect(own_postgres.url)
    job = await enqueue(before, "tests.slow")
    await eventually(working.is_set)
    own_postgres.kill() if crash else own_postgres.stop()
    gate.set()
    own_postgres.start()
    after = await asyncpg.connect(own_postgres.url)
    try:
        await job_in_state(after, job, "done")
        assert len(runs) == 1
        assert [a["outcome"] for a in await attempts_of(after, job)] == ["done"]
    finally:
        await after.close()


async def _listens(owner: Owner) -> bool:
    """Whether the worker hears notifications again."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kiosk-test'"
    return bool(await owner.fetchval(query + " AND query LIKE 'LISTEN%'"))


async def _keep_commits(server: TemporaryPostgres) -> None:
    """A throw-away server may forget its last commits in a crash; here they matter."""
    owner = await asyncpg.connect(server.url)
    await owner.execute("ALTER DATABASE kiosk SET synchronous_commit = on")
    await owner.close()
