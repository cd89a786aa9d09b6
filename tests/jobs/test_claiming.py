"""What claiming costs: the plan of the real statement, beside many jobs that are not its business. And when
an attempt begins."""

import uuid

import asyncpg

from services.jobs.durable_store import _CLAIM, _RECOVER
from services.queue import enqueue
from tests.jobs.conditions import attempts_of
from tests.jobs.conftest import Owner


async def _worker(owner: Owner) -> uuid.UUID:
    worker = uuid.uuid4()
    await owner.execute(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until)"
        " VALUES ($1, 'durable', 'here', 1, 'test', '{default}', 8, now() + interval '1 hour')",
        worker,
    )
    return worker


async def test_an_attempt_begins_after_the_one_before_though_its_claim_set_out_earlier(
    database_url: str, owner: Owner
) -> None:
    lost, heir = await _worker(owner), await _worker(owner)
    job = await enqueue(owner, "tests.send")
    await owner.fetch(_CLAIM, lost, ["default"], ["tests.send"], 1, 1)
    await owner.execute("UPDATE jobs.workers SET leased_until = now() WHERE id = $1", lost)
    other = await asyncpg.connect(database_url)
    async with owner.transaction():
        await owner.execute("SELECT now()")
        await other.fetch(_RECOVER, 3, "test", 0.0, [])
        await owner.fetch(_CLAIM, heir, ["default"], ["tests.send"], 1, 1)
    await other.close()
    [first] = await attempts_of(owner, job)
    began = await owner.fetchval("SELECT started_at FROM jobs.jobs WHERE id = $1 AND state = 'running'", job)
    assert first["started_at"] <= first["finished_at"] <= began


async def test_claiming_costs_the_same_beside_finished_future_and_unready_jobs(owner: Owner) -> None:
    worker = await _worker(owner)
    await owner.execute(
        "INSERT INTO jobs.jobs (queue, actor, state, finished_at)"
        " SELECT 'default', 'tests.send', 'done', now() FROM generate_series(1, 20000)"
    )
    await owner.execute(
        "INSERT INTO jobs.jobs (queue, actor, priority, run_at)"
        " SELECT 'default', 'tests.send', n % 3, now() + interval '1 day' FROM generate_series(1, 20000) n"
    )
    await owner.execute("VACUUM ANALYZE jobs.jobs")
    for _ in range(3):
        await enqueue(owner, "tests.send")
    query = "EXPLAIN (ANALYZE, TIMING OFF) " + _CLAIM
    rows = await owner.fetch(query, worker, ["default"], ["tests.send"], 8, 8)
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using jobs_ready on jobs" in plan
    assert "Index Cond: ((queue = q.name) AND (run_at <= now()))" in plan, "future jobs must be skipped"
    assert "Seq Scan on jobs" not in plan
