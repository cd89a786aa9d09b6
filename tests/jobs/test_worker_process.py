"""Real worker processes: killed, stopped, seen."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest

from ops.local.ports import free_port
from ops.local.valkey import TemporaryValkey
from services.catalog.views import COUNT_VIEWS
from services.queue import enqueue
from tests.jobs.conditions import attempts_of, eventually, job_in_state
from tests.jobs.conftest import Owner, StartWorker
from tests.jobs.fast_worker import hand_over

PATIENT = {"DATABASE_LOCK_TIMEOUT_SECONDS": 60, "DATABASE_STATEMENT_TIMEOUT_SECONDS": 60}


async def add_product(owner: Owner, slug: str, sku: str) -> int:
    product: int = await owner.fetchval(
        "INSERT INTO catalog.products (slug, title, title_key, brand, price_minor, published_at)"
        " VALUES ($1, $1, $1, 'Brand', 100, now()) RETURNING id",
        slug,
    )
    await owner.execute(
        "INSERT INTO catalog.variants (product_id, sku, price_minor) VALUES ($1, $2, 100)", product, sku
    )
    return product


@asynccontextmanager
async def held_up(database_url: str, slug: str) -> AsyncIterator[None]:
    """While inside, a job that changes the product waits for its lock."""
    holder = await asyncpg.connect(database_url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM catalog.products WHERE slug = $1 FOR UPDATE", slug)
            yield
    finally:
        await holder.close()


def stock(sku: str, available: int, version: int) -> list[dict[str, object]]:
    return [{"sku": sku, "available": available, "version": version}]


async def test_a_killed_workers_job_is_recovered_and_done(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await add_product(owner, "cup", "CUP")
    first = start_worker("worker-durable", DATABASE_URL=database_url, JOB_LEASE_SECONDS=1, **PATIENT)
    async with held_up(database_url, "cup"):
        job = await enqueue(owner, "catalog.refresh_availability", stock("CUP", 7, 1))
        await job_in_state(owner, job, "running")
        first.kill()
        first.wait()
    start_worker("worker-durable", DATABASE_URL=database_url)
    row = await job_in_state(owner, job, "done")
    assert row["crashes"] == 1
    assert [a["outcome"] for a in await attempts_of(owner, job)] == ["crashed", "done"]
    assert await owner.fetchval("SELECT available FROM catalog.variants WHERE sku = 'CUP'") == 7


async def test_a_stopped_worker_hands_back_what_it_could_not_finish(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await add_product(owner, "cup", "CUP")
    worker = start_worker("worker-durable", DATABASE_URL=database_url, WORKER_STOP_SECONDS=0.3, **PATIENT)
    async with held_up(database_url, "cup"):
        job = await enqueue(owner, "catalog.refresh_availability", stock("CUP", 7, 1))
        await job_in_state(owner, job, "running")
        worker.terminate()
        assert worker.wait(60) == 0
        row = await job_in_state(owner, job, "queued")
        assert (row["failures"], row["crashes"]) == (0, 0)
        assert [a["outcome"] for a in await attempts_of(owner, job)] == ["released"]
    assert await owner.fetchval("SELECT count(*) FROM jobs.workers WHERE stopped_at IS NOT NULL") == 1


async def test_a_stopped_worker_finishes_what_it_can(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    await add_product(owner, "cup", "CUP")
    port = free_port()
    worker = start_worker(
        "worker-durable", DATABASE_URL=database_url, WORKER_STOP_SECONDS=20, OPS_PORT=port, **PATIENT
    )
    async with held_up(database_url, "cup"):
        job = await enqueue(owner, "catalog.refresh_availability", stock("CUP", 7, 1))
        await job_in_state(owner, job, "running")
        worker.terminate()
        await eventually(lambda: _state_of(port) == "draining")
        late = await enqueue(owner, "catalog.refresh_availability", stock("CUP", 8, 2))
    assert worker.wait(60) == 0
    await job_in_state(owner, job, "done")
    await job_in_state(owner, late, "queued")


@pytest.mark.parametrize("kind", ["durable", "fast"])
async def test_a_worker_tells_who_it_is_as_long_as_it_lives(
    database_url: str, owner: Owner, start_worker: StartWorker, kind: str
) -> None:
    worker = start_worker(f"worker-{kind}", DATABASE_URL=database_url, RELEASE="1.2.3", WORKER_THREADS=3)
    row = await eventually(lambda: owner.fetchrow("SELECT * FROM jobs.workers WHERE pid = $1", worker.pid))
    assert (row["kind"], row["release"], row["threads"], row["queues"]) == (kind, "1.2.3", 3, ["default"])
    later = row["seen_at"] + timedelta(seconds=0.3)
    await eventually(lambda: owner.fetchrow("SELECT pid FROM jobs.workers WHERE seen_at > $1", later))
    worker.terminate()
    assert worker.wait(60) == 0
    assert await owner.fetchval("SELECT stopped_at IS NOT NULL FROM jobs.workers WHERE pid = $1", worker.pid)


async def test_a_worker_paused_past_its_lease_works_on(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    worker = start_worker("worker-durable", DATABASE_URL=database_url, JOB_LEASE_SECONDS=1)
    first = await enqueue(owner, "catalog.refresh_availability", [])
    await job_in_state(owner, first, "done")
    worker.send_signal(signal.SIGSTOP)
    await eventually(lambda: owner.fetchval("SELECT leased_until < now() FROM jobs.workers"))
    second = await enqueue(owner, "catalog.refresh_availability", [])
    worker.send_signal(signal.SIGCONT)
    await job_in_state(owner, second, "done")


async def test_a_fast_worker_counts_views_from_redis(
    database_url: str, owner: Owner, start_worker: StartWorker, valkey: TemporaryValkey
) -> None:
    product = await add_product(owner, "cup", "CUP")
    await hand_over(valkey.queue_url, COUNT_VIEWS, {"cup": 3, "unknown": 1})
    start_worker("worker-fast", DATABASE_URL=database_url)
    views = "SELECT views FROM catalog.product_views WHERE product_id = $1 AND day = current_date"
    assert await eventually(lambda: owner.fetchval(views, product)) == 3


async def test_a_fast_worker_goes_on_telling_that_it_lives_after_any_error(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    """Such as of a table that is not up to date yet. A sequence counts what is rolled back."""
    start_worker("worker-fast", DATABASE_URL=database_url)
    await eventually(lambda: owner.fetchval("SELECT seen_at FROM jobs.workers"))
    await owner.execute(
        """
        CREATE SEQUENCE public.refused;
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          PERFORM nextval('public.refused');
          RAISE EXCEPTION 'no such column' USING ERRCODE = 'undefined_column';
        END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON jobs.workers FOR EACH ROW EXECUTE FUNCTION public.refuse();
        """
    )
    await eventually(lambda: owner.fetchval("SELECT last_value >= 3 FROM public.refused"))
    await owner.execute("DROP TRIGGER refuse ON jobs.workers")
    seen_at = await owner.fetchval("SELECT seen_at FROM jobs.workers")
    await eventually(lambda: owner.fetchval("SELECT seen_at > $1 FROM jobs.workers", seen_at))


def _state_of(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/readyz").text.strip()


async def test_a_worker_serves_its_ops_port(
    database_url: str, owner: Owner, start_worker: StartWorker
) -> None:
    port = free_port()
    start_worker("worker-durable", DATABASE_URL=database_url, OPS_PORT=port)
    await job_in_state(owner, await enqueue(owner, "catalog.refresh_availability", []), "done")
    await eventually(lambda: _state_of(port) == "ready")  # it works before it says so
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    labels = 'actor="catalog.refresh_availability",backend="durable"'
    assert f'jobs_total{{{labels},outcome="done"}} 1.0' in figures
    assert f"job_duration_seconds_count{{{labels}}} 1.0" in figures
    assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
