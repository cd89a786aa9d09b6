"""A worker that holds too much memory makes way for a new one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from ops.local.ports import free_port
from services.jobs.memory import limit_mb, outgrown, resident_mb
from services.queue import enqueue
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import Owner, StartWorker


def test_the_resident_set_is_known() -> None:
    before = resident_mb()
    block = b"x" * (64 * 2**20)
    assert resident_mb() - before > 50
    assert len(block) > before


def test_a_containers_limit_counts_where_it_is_nearer(tmp_path: Path) -> None:
    container = tmp_path / "memory.max"
    assert limit_mb(400, container) == 400
    for said, limit in (("max\n", 400), (f"{1000 * 2**20}\n", 400), (f"{300 * 2**20}\n", 270)):
        container.write_text(said)
        assert limit_mb(400, container) == limit
    assert limit_mb(0, container) == 0


async def test_a_process_within_its_limit_or_without_one_goes_on() -> None:
    for max_mb in (0, 1_000_000):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await outgrown(max_mb, 0.001)
    assert await outgrown(1, 0.001) > 1


async def test_a_worker_grown_too_large_claims_no_more_finishes_what_it_has_and_ends_well(
    database_url: str, owner: Owner, start_worker: StartWorker, tmp_path: Path
) -> None:
    port, gate = free_port(), tmp_path / "gate"
    worker = start_worker(
        "worker-durable",
        module="tests.jobs.odd_worker",
        DATABASE_URL=database_url,
        WORKER_MEMORY_MAX_MB=400,
        OPS_PORT=port,
        GATE=gate,
    )
    small = await enqueue(owner, "catalog.refresh_availability", [])
    await job_in_state(owner, small, "done")
    large = await enqueue(owner, "tests.eat", 400)
    await eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").text.strip() == "draining")
    late = await enqueue(owner, "catalog.refresh_availability", [])
    seen = await owner.fetchval("SELECT seen_at FROM jobs.workers")
    later = "SELECT true FROM jobs.workers WHERE seen_at > $1"
    await eventually(lambda: owner.fetchval(later, seen + timedelta(seconds=0.5)))  # it could have claimed
    gate.touch()
    assert worker.wait(60) == 0
    await job_in_state(owner, large, "done")
    assert [attempt["outcome"] for attempt in await attempts_of(owner, large)] == ["done"]
    assert await attempts_of(owner, late) == []
    await job_in_state(owner, late, "queued")
    [log] = tmp_path.glob("worker-durable-*.log")
    assert "too much memory held" in log.read_text()
    assert '"max_mb":400' in log.read_text()
