"""What workers counted, as it comes out of PostgreSQL."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import msgspec
import pytest
from databases import Database

from ops.local.valkey import TemporaryValkey
from services.catalog.views import COUNT_VIEWS
from services.database import open_database
from services.errors import DatabaseUnavailable, NotFound
from services.jobs.statistics.counts import Counts
from services.jobs.statistics.overview import ActorTotal, Point, Window, overview
from services.queue import enqueue
from services.settings import DatabaseSettings
from tests.jobs.conditions import eventually, job_in_state
from tests.jobs.conftest import Owner, RunWorker, StartWorker
from tests.jobs.fast_worker import hand_over


async def last_point(database: Database, window: Window = "7d") -> Point:
    """Of what has any: the clock may pass a minute, even an hour, in the middle of a test."""
    points = [point for point in (await overview(database, window)).points if point.done + point.failed]
    return points[-1]


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
async def test_every_window_shows_what_was_counted(jobs_database: Database, window: Window) -> None:
    counts = Counts("durable")
    for _ in range(19):
        counts.count("default", "tests.quick", "done", 10.0, 2.0)
    counts.count("default", "tests.slow", "dead", 4000.0, 900.0)
    counts.count("default", "tests.slow", "crashed")
    counts.count("default", "tests.slow", "release", None, 1.0)
    await counts.flush(jobs_database)
    series = await overview(jobs_database, window)
    assert sum(point.done for point in series.points) == 19
    assert sum(point.failed for point in series.points) == 2
    quick, slow = series.actors
    assert (quick.backend, quick.actor, quick.count, quick.failures) == ("durable", "tests.quick", 19, 0)
    assert (slow.actor, slow.count, slow.failures) == ("tests.slow", 2, 2)
    assert quick.p50_ms == pytest.approx(10, rel=0.2)
    assert slow.p95_ms == pytest.approx(4000, rel=0.2)


async def test_a_point_tells_latency_and_wait(
    jobs_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.time()  # one, or they might be of two points
    monkeypatch.setattr("services.jobs.statistics.counts.time", SimpleNamespace(time=lambda: moment))
    counts = Counts("fast")
    for milliseconds in range(1, 101):
        counts.count("default", "tests.any", "done", 10.0 * milliseconds, 1.0 * milliseconds)
    await counts.flush(jobs_database)
    point = await last_point(jobs_database)
    assert point.p50_ms == pytest.approx(500, rel=0.2)
    assert point.p95_ms == pytest.approx(950, rel=0.2)
    assert point.p95_wait_ms == pytest.approx(95, rel=0.2)


@pytest.mark.parametrize(
    ("window", "seconds", "points"), [("1h", 60, 60), ("24h", 600, 144), ("7d", 3600, 168)]
)
async def test_a_series_has_every_interval_up_to_the_present_one(
    jobs_database: Database, window: Window, seconds: int, points: int
) -> None:
    series = await overview(jobs_database, window)
    assert series.resolution_seconds == seconds
    times = [point.at for point in series.points]
    assert len(times) == points
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=seconds)}
    assert times[-1] <= datetime.now(UTC) < times[-1] + 2 * timedelta(seconds=seconds)
    assert series.actors == []
    assert series.points[0] == Point(at=times[0])


async def test_one_backend_or_one_actor_can_be_looked_at_alone(jobs_database: Database) -> None:
    for backend, actor in (("durable", "tests.one"), ("durable", "tests.other"), ("fast", "tests.one")):
        counts = Counts(backend)  # type: ignore[arg-type]
        counts.count("default", actor, "done", 1.0)
        await counts.flush(jobs_database)
    named = [
        (total.backend, total.actor) for total in (await overview(jobs_database, "24h", "durable")).actors
    ]
    assert named == [("durable", "tests.one"), ("durable", "tests.other")]
    named = [(t.backend, t.actor) for t in (await overview(jobs_database, "24h", actor="tests.one")).actors]
    assert named == [("durable", "tests.one"), ("fast", "tests.one")]
    [only] = (await overview(jobs_database, "24h", "fast", "tests.one")).actors
    assert isinstance(only, ActorTotal)


async def test_several_workers_and_several_flushes_add_up(jobs_database: Database) -> None:
    workers = [Counts("durable") for _ in range(4)]
    for turn in range(5):
        for counts in workers:
            for actor in ("tests.a", "tests.b", "tests.c"):
                counts.count("default", actor, "done", 3.0**turn, 1.0)
        await asyncio.gather(*(counts.flush(jobs_database) for counts in workers))
    series = await overview(jobs_database, "7d")
    assert [(total.actor, total.count) for total in series.actors] == [
        ("tests.a", 20),
        ("tests.b", 20),
        ("tests.c", 20),
    ]
    rows = await jobs_database.fetch_all(
        "SELECT durations FROM jobs.statistics WHERE resolution_seconds = 60"
    )
    assert sum(sum(row["durations"]) for row in rows) == 60


async def test_a_lost_flush_goes_with_the_next(jobs_database: Database) -> None:
    counts = Counts("durable")
    counts.count("default", "tests.any", "done", 1.0)
    nowhere = open_database(
        "postgresql://nobody@127.0.0.1:1/nothing", DatabaseSettings(), pool_max=1, name="test"
    )
    await nowhere.connect()
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await counts.flush(nowhere)
        counts.count("default", "tests.any", "done", 1.0)
    await nowhere.disconnect()
    await counts.flush(jobs_database)
    await counts.flush(jobs_database)
    points = (await overview(jobs_database, "7d")).points
    assert sum(point.done for point in points) == 3


async def test_a_worker_counts_how_its_jobs_ended_and_how_long_they_waited(
    database_url: str, owner: Owner, run_worker: RunWorker, jobs_database: Database
) -> None:
    def fail() -> None:
        raise NotFound

    worker = run_worker(database_url, fail=fail, send=lambda: None)
    late = await enqueue(owner, "tests.send")
    await owner.execute("UPDATE jobs.jobs SET run_at = now() - interval '8 seconds' WHERE id = $1", late)
    failing = await enqueue(owner, "tests.fail")
    await job_in_state(owner, failing, "dead")
    await job_in_state(owner, late, "done")
    await worker.observation.counts.flush(jobs_database)
    series = await overview(jobs_database, "7d")
    assert {(total.actor, total.count, total.failures) for total in series.actors} == {
        ("tests.fail", 1, 1),
        ("tests.send", 1, 0),
    }


async def test_an_attempt_that_a_dead_worker_left_counts_as_a_failure(
    database_url: str, owner: Owner, run_worker: RunWorker, jobs_database: Database
) -> None:
    await owner.execute(
        "INSERT INTO jobs.jobs (queue, actor, state, attempt, worker_id, lease_token, started_at)"
        " VALUES ('default', 'tests.lost', 'running', 1, uuidv7(), uuidv7(), now())"
    )
    worker = run_worker(database_url, send=lambda: None)
    await eventually(lambda: owner.fetchval("SELECT crashes FROM jobs.jobs"))
    await eventually(lambda: worker.observation.counts._rows)
    await worker.observation.counts.flush(jobs_database)
    [lost] = (await overview(jobs_database, "7d")).actors
    assert (lost.actor, lost.count, lost.failures, lost.p50_ms) == ("tests.lost", 1, 1, None)


async def test_a_wait_begins_when_the_job_could_run(
    database_url: str, owner: Owner, run_worker: RunWorker, jobs_database: Database
) -> None:
    job = await enqueue(owner, "tests.send")
    await owner.execute("UPDATE jobs.jobs SET run_at = now() - interval '60 seconds' WHERE id = $1", job)
    worker = run_worker(database_url, send=lambda: None)
    await job_in_state(owner, job, "done")
    await worker.observation.counts.flush(jobs_database)
    wait_ms = (await last_point(jobs_database)).p95_wait_ms
    assert wait_ms is not None
    assert 45_000 < wait_ms < 120_000


@pytest.mark.parametrize("kind", ["durable", "fast"])
async def test_a_worker_process_writes_what_it_counted_while_it_runs(
    database_url: str, owner: Owner, start_worker: StartWorker, own_valkey: TemporaryValkey, kind: str
) -> None:
    if kind == "fast":
        await hand_over(own_valkey.queue_url, COUNT_VIEWS, {"cup": 1})
    else:
        await enqueue(owner, "catalog.refresh_availability", [])
    redis = {"REDIS_URL": own_valkey.url, "REDIS_QUEUE_URL": own_valkey.queue_url}
    start_worker(f"worker-{kind}", DATABASE_URL=database_url, **redis)
    found = "SELECT done FROM jobs.statistics WHERE resolution_seconds = 3600 AND backend = $1"
    assert await eventually(lambda: owner.fetchval(found, kind)) == 1


def test_counting_is_cheap_enough_to_forget() -> None:
    """A row per minute, queue and actor, however many jobs."""
    counts = Counts("durable")
    for _ in range(1000):
        counts.count("default", "tests.any", "done", 5.0, 5.0)
    assert len(counts._rows) <= 2
    assert len(msgspec.json.encode(list(counts._rows.values()))) < 1000
