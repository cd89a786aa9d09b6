"""What claiming costs: the plan of the real statement, beside many jobs that are not its business."""

import uuid

from services.jobs.durable_store import _CLAIM
from services.queue import enqueue
from tests.jobs.conftest import Owner


async def test_claiming_costs_the_same_beside_finished_future_and_unready_jobs(owner: Owner) -> None:
    worker = uuid.uuid4()
    await owner.execute(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until)"
        " VALUES ($1, 'durable', 'here', 1, 'test', '{default}', 8, now() + interval '1 hour')",
        worker,
    )
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
    rows = await owner.fetch(query, worker, ["default"], ["tests.send"], 8)
    plan = "\n".join(row[0] for row in rows)
    assert "Index Scan using jobs_ready on jobs" in plan
    assert "Index Cond: ((queue = q.name) AND (run_at <= now()))" in plan, "future jobs must be skipped"
    assert "Seq Scan on jobs" not in plan
