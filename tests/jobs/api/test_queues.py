"""Queues, workers, statistics and recurring tasks over the API."""

from __future__ import annotations

from typing import Any

import pytest

from services.jobs.resources import Jobs
from tests.jobs.api.conftest import Program
from tests.jobs.backlog import dead_jobs, ready_jobs
from tests.jobs.conditions import eventually
from tests.jobs.conftest import QUICK, Owner, RunWorker


async def test_the_overview_shows_both_halves(operator: Program, jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 2)
    await ready_jobs(jobs, "fast", 3)
    overview = (await operator.get("/overview")).json()
    counts = {half["backend"]: half["counts"] for half in overview["backends"]}
    assert (counts["durable"]["dead"], counts["fast"]["ready"], overview["away"]) == (2, 3, [])
    assert {queue["backend"] for queue in overview["queues"]} == {"durable", "fast"}


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_a_queue_is_paused_and_resumed(operator: Program, backend: str) -> None:
    async def paused() -> bool:
        items = (await operator.get("/queues", backend=backend)).json()["items"]
        return next(bool(queue["paused"]) for queue in items if queue["name"] == "default")

    for verb, expected in (("pause", True), ("pause", True), ("resume", False)):
        answer = await operator.post(f"/queues/{backend}/default/{verb}")
        assert answer.json() == {"action": f"queue.{verb}", "target": f"{backend}:default"}
        assert await paused() is expected


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_a_queue_nobody_knows_can_t_be_paused(operator: Program, backend: str) -> None:
    assert (await operator.post(f"/queues/{backend}/nobody/pause")).status_code == 404


async def test_a_worker_at_work_is_listed(
    operator: Program, run_worker: RunWorker, database_url: str
) -> None:
    worker = run_worker(database_url, QUICK, idle=lambda: None)

    async def listed() -> Any:
        items = (await operator.get("/workers")).json()["items"]
        return next((seen for seen in items if seen["id"] == str(worker.row.id)), None)

    seen = await eventually(listed)
    assert (seen["backend"], seen["state"], seen["queues"]) == ("durable", "alive", ["default"])


async def test_a_worker_that_fell_silent_is_lost(operator: Program, owner: Owner) -> None:
    await owner.execute(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, seen_at, leased_until)"
        " VALUES (uuidv7(), 'fast', 'here', 1, 'r', '{default}', 1, now() - interval '1 minute', now())"
    )
    assert [w["state"] for w in (await operator.get("/workers")).json()["items"]] == ["lost"]


async def test_statistics_have_every_interval_of_their_window(operator: Program) -> None:
    for window, points in (("1h", 60), ("24h", 144), ("7d", 168)):
        assert len((await operator.get("/statistics", window=window)).json()["points"]) == points


async def test_a_recurring_task_is_run_paused_and_resumed(operator: Program, owner: Owner) -> None:
    name = (await operator.get("/recurring")).json()["items"][0]["name"]
    assert (await operator.post(f"/recurring/{name}/run")).status_code == 200
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 1
    for verb, paused in (("pause", True), ("resume", False)):
        assert (await operator.post(f"/recurring/{name}/{verb}")).status_code == 200
        [task] = [t for t in (await operator.get("/recurring")).json()["items"] if t["name"] == name]
        assert (task["paused_at"] is not None) is paused
    assert (await operator.post("/recurring/nobody/run")).status_code == 404
