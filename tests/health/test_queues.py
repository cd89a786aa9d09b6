"""What makes a queue degraded, by the eyes of role kiosk_health."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from databases import Database

from services.database import open_database, role_url
from services.health.monitor import Finding
from services.health.queues import queue
from services.queue import enqueue
from services.settings import DatabaseSettings, QueueSettings, SettingError
from tests.conftest import PATIENT
from tests.jobs.conftest import Owner

Look = Callable[[], Awaitable[Finding]]
SETTINGS = QueueSettings(job_oldest_seconds_max=300.0)
SECONDS = 20.0  # a machine that is busy with tests may be slow


@pytest.fixture
async def health_database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings.read(
        {"DATABASE_URL": database_url, **PATIENT, "DATABASE_PULSE_AFTER_SECONDS": "20"}
    )
    database = open_database(role_url(data, "health"), data, pool_max=2, name="test")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
def durable(health_database: Database) -> Look:
    return queue(health_database, SECONDS, SETTINGS, "durable")


@pytest.fixture
async def staffed(owner: Owner) -> None:
    """There is a worker for the queue `default`."""
    await owner.execute(
        "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, leased_until)"
        " VALUES (uuidv7(), 'durable', 'here', 1, 'test', '{default}', 4, now() + interval '1 minute')"
    )


async def waits_for(owner: Owner, seconds: int, queue_name: str = "default") -> None:
    job = await enqueue(owner, "tests.send", queue=queue_name)
    await owner.execute(
        "UPDATE jobs.jobs SET run_at = now() - $2 * interval '1 second' WHERE id = $1", job, seconds
    )


async def due_ago(owner: Owner, name: str, seconds: int, looked_ago_seconds: int = 300) -> None:
    """A recurring task that should have run so long ago, as the last clock left it."""
    await owner.execute(
        "INSERT INTO jobs.recurring_tasks (name, checked_until, next_run_at)"
        " VALUES ($1, now() - $2 * interval '1 second', now() - $3 * interval '1 second')",
        name,
        looked_ago_seconds,
        seconds,
    )


async def test_a_queue_in_order_is_ok(durable: Look, owner: Owner, staffed: None) -> None:
    await waits_for(owner, 250)
    await due_ago(owner, "tests.tick", 100)
    finding = await durable()
    assert finding.status == "ok"
    assert finding.detail["reasons"] == []
    assert (finding.detail["depth"], finding.detail["workers"]) == (1, 1)
    assert 250 <= finding.detail["oldest_seconds"] < 290


async def test_without_workers_it_is_degraded_and_says_so(durable: Look) -> None:
    finding = await durable()
    assert (finding.status, finding.detail["reasons"]) == ("degraded", ["no workers"])


async def test_a_queue_none_of_the_workers_knows_is_degraded_when_jobs_wait_there(
    durable: Look, owner: Owner, staffed: None
) -> None:
    await owner.execute("INSERT INTO jobs.queues (backend, name) VALUES ('durable', 'left_behind')")
    assert (await durable()).status == "ok"
    await waits_for(owner, 1, "reports")
    assert (await durable()).detail["reasons"] == ["queue reports: no workers"]


async def test_a_job_that_waits_too_long_is_named_with_its_queue(
    durable: Look, owner: Owner, staffed: None
) -> None:
    await waits_for(owner, 400)
    finding = await durable()
    assert finding.status == "degraded"
    [reason] = finding.detail["reasons"]
    assert re.fullmatch(r"queue default: the oldest job has waited for 4\d\d s", reason)


async def test_a_paused_queue_is_said_to_be_paused_and_may_be_old(
    durable: Look, owner: Owner, staffed: None
) -> None:
    await waits_for(owner, 4000)
    await owner.execute("UPDATE jobs.queues SET paused = true WHERE backend = 'durable'")
    finding = await durable()
    assert (finding.status, finding.detail["paused"]) == ("ok", ["default"])


async def test_an_overdue_task_is_named_unless_it_is_paused(
    durable: Look, owner: Owner, staffed: None
) -> None:
    await due_ago(owner, "tests.tick", 130)
    await due_ago(owner, "tests.tock", 110)
    assert (await durable()).detail["reasons"] == ["recurring task tests.tick: overdue"]
    await owner.execute("UPDATE jobs.recurring_tasks SET paused_at = now()")
    assert (await durable()).status == "ok"


async def test_a_task_that_the_clocks_have_left_behind_is_not_overdue(
    durable: Look, owner: Owner, staffed: None
) -> None:
    """It was taken out of the code."""
    await due_ago(owner, "tests.gone", 500, looked_ago_seconds=600)
    await due_ago(owner, "tests.tick", -60, looked_ago_seconds=1)
    assert (await durable()).status == "ok"


async def test_the_fast_queue_is_not_blamed_for_the_durable_workers_clock(
    health_database: Database, owner: Owner
) -> None:
    await due_ago(owner, "tests.tick", 500)
    finding = await queue(health_database, SECONDS, SETTINGS, "fast")()
    assert finding.detail["reasons"] == ["no workers", "queue default: its figures are unknown"]


async def test_one_look_is_one_statement(durable: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    await durable()  # so that there is a connection
    asked: list[str] = []

    def note(method: str) -> None:
        ask = getattr(asyncpg.Connection, method)

        async def noted(self: object, query: str, *arguments: object, **options: object) -> object:
            asked.append(query)
            return await ask(self, query, *arguments, **options)

        monkeypatch.setattr(asyncpg.Connection, method, noted)

    for method in ("fetch", "fetchrow", "fetchval", "execute"):
        note(method)
    await durable()
    assert len(asked) == 1


async def test_fewer_workers_than_expected_are_degraded_and_counted(
    health_database: Database, owner: Owner, staffed: None
) -> None:
    def expecting(workers: str) -> Look:
        return queue(health_database, SECONDS, QueueSettings(workers_expected=workers), "durable")

    finding = await expecting("durable=2,fast=1")()
    assert finding.status == "degraded"
    assert finding.detail["reasons"] == ["1 of 2 workers"]
    assert (finding.detail["workers"], finding.detail["workers_expected"]) == (1, 2)
    assert (await expecting("durable=1,fast=9")()).status == "ok"


def test_an_expectation_that_cannot_be_read_stops_the_process() -> None:
    with pytest.raises(SettingError, match="WORKERS_EXPECTED"):
        QueueSettings.read({"WORKERS_EXPECTED": "two"})
