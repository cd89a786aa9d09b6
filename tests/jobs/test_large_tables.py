"""What lists, numbers and bulk steps read beside very many jobs: counted by PostgreSQL, never timed.

JOBS_ROWS sets how many finished jobs there are (300,000); a fifteenth of them have failed. With
JOBS_TIMES=1 the server's own times are printed besides, for a look by hand (`pytest -s`).
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from databases import Database

from services.database import open_database, role_url
from services.jobs import durable_backend, durable_search, failures
from services.jobs.backend import COUNT_MAX, STATES, JobFilter, State
from services.settings import DatabaseSettings
from tests.conftest import Databases

pytestmark = pytest.mark.slow

ROWS = int(os.environ.get("JOBS_ROWS", "300000"))
FAILED = min(ROWS // 15, 200_000)
PORTION = 1_000_000

FILL_DONE = """
INSERT INTO jobs.jobs (id, queue, actor, args, state, attempt, enqueued_at, run_at, started_at, finished_at)
SELECT uuidv7(make_interval(secs => (n - $2) * 0.2)), CASE n % 10 WHEN 0 THEN 'mail' ELSE 'default' END,
       'tests.actor_' || n % 7, jsonb_build_array(n, jsonb_build_object('sku', 'SKU-' || n)),
       'done', 1, at, at, at, at
FROM generate_series($1::bigint, $3::bigint) n,
LATERAL (SELECT now() + make_interval(secs => (n - $2) * 0.2) AS at) t
"""
FILL_FAILED = """
INSERT INTO jobs.jobs (queue, actor, args, state, attempt, failures, run_at, finished_at, error_class,
                       error_message, fingerprint)
SELECT 'default', 'tests.actor_' || n % 7, jsonb_build_array(n),
       (ARRAY['dead', 'dead', 'dead', 'crashed'])[n % 4 + 1], 3, 3, at, at,
       'ValueError', 'no ' || n, lpad((n % 50)::text, 16, '0')
FROM generate_series(1, $1::bigint) n, LATERAL (SELECT now() - make_interval(secs => n) AS at) t
"""
FILL_WAITING = """
INSERT INTO jobs.jobs (queue, actor, args, state, priority, run_at, concurrency_key)
SELECT 'default', 'tests.actor_' || n % 7, jsonb_build_array(n),
       CASE n % 5 WHEN 0 THEN 'blocked' ELSE 'queued' END,
       n % 3, now() + make_interval(secs => n % 2 * 1e6 - n), CASE n % 5 WHEN 0 THEN 'key ' || n % 35 END
FROM generate_series(1, $1::bigint) n
"""
FILL_GROUPS = """
INSERT INTO jobs.failure_groups
  (fingerprint, backend, actor, error_class, frame, message, first_release, last_release, last_seen)
SELECT lpad(n::text, 16, '0'), 'durable', 'tests.send', 'ValueError', 'f', 'no', 'r', 'r',
       now() - make_interval(secs => n)
FROM generate_series(0, 999) n
"""


@pytest.fixture(scope="module")
async def large_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.copy()
    owner = await asyncpg.connect(url)
    for first in range(1, ROWS + 1, PORTION):
        await owner.execute(FILL_DONE, first, ROWS, min(first + PORTION - 1, ROWS))
    await owner.execute(FILL_FAILED, FAILED)
    await owner.execute(FILL_WAITING, FAILED)
    await owner.execute(FILL_GROUPS)
    await owner.execute("VACUUM ANALYZE jobs.jobs")
    await owner.execute("VACUUM ANALYZE jobs.failure_groups")
    await owner.close()
    yield url
    await databases.drop(url)


class Explained:
    """A connection that explains what it is asked, in a transaction that leaves nothing behind."""

    def __init__(self, raw: Any, notes: list[tuple[str, dict[str, Any]]]) -> None:
        self._raw, self._notes = raw, notes

    async def _note(self, query: str, *values: Any) -> None:
        rolled_back = self._raw.transaction()
        await rolled_back.start()
        explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {query}"
        told = json.loads(await self._raw.fetchval(explain, *values))[0]
        await rolled_back.rollback()
        self._notes.append((query, told))

    async def fetch(self, query: str, *values: Any) -> Any:
        await self._note(query, *values)
        return await self._raw.fetch(query, *values)

    async def fetchrow(self, query: str, *values: Any) -> Any:
        rows = await self.fetch(query, *values)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *values: Any) -> Any:
        row = await self.fetchrow(query, *values)
        return row and row[0]


class Costs:
    """What each statement read since the last look."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def most(self) -> tuple[int, int]:
        """Rows of any table or index that one statement went through, and pages it touched, at most."""
        rows = max(_rows_scanned(told["Plan"]) for _, told in self.notes)
        pages = max(_pages(told["Plan"]) for _, told in self.notes)
        return rows, pages

    def tell(self, what: str) -> None:
        if os.environ.get("JOBS_TIMES"):
            spent = sum(told["Planning Time"] + told["Execution Time"] for _, told in self.notes)
            print(f"\n{what:70} {spent:8.1f} ms, rows and pages {self.most()}", end="")  # noqa: T201


def _rows_scanned(node: dict[str, Any]) -> int:
    rows = 0
    if "Scan" in node["Node Type"] and ("Relation Name" in node or "Index Name" in node):
        passed = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        rows = round(passed * node["Actual Loops"])
    return max([rows, *map(_rows_scanned, node.get("Plans", []))])


def _pages(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


@pytest.fixture
async def database(large_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=large_url, database_statement_timeout_seconds=120)
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test-large")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> Costs:
    """Explains every statement that these modules send."""
    costs = Costs()
    for module in (durable_backend, durable_search, failures):
        monkeypatch.setattr(module, "connection", _explaining(module.connection, costs.notes))
    return costs


def _explaining(
    connection: Callable[..., Any], notes: list[tuple[str, dict[str, Any]]]
) -> Callable[..., Any]:
    @asynccontextmanager
    async def explaining(*arguments: Any) -> AsyncIterator[Explained]:
        async with connection(*arguments) as raw:
            yield Explained(raw, notes)

    return explaining


PLAIN = [JobFilter(), *(JobFilter(state=state) for state in STATES), JobFilter(group=f"{1:016}")]
DEEP = [
    wanted
    for state in (None, *STATES)
    for wanted in (
        JobFilter(state=state, text="nowhere"),
        JobFilter(state=state, actor="tests.unknown"),
        JobFilter(state=state, queue="unknown"),
        JobFilter(state=state, error="nowhere", until=datetime.now(UTC) - timedelta(hours=1)),
        JobFilter(state=state, group=f"{1:016}"),
    )
]


_MOMENTS = ("since", "until")


def _asked(wanted: JobFilter) -> str:
    """The same in every process: with its moment in it, tests run by two workers would have two names."""
    given = msgspec.structs.asdict(wanted).items()
    return " ".join(f"{name}={value}" for name, value in given if value is not None and name not in _MOMENTS)


@pytest.mark.parametrize("wanted", PLAIN, ids=_asked)
async def test_a_plain_page_reads_about_what_it_shows(
    database: Database, costs: Costs, wanted: JobFilter
) -> None:
    first = await durable_search.page(database, wanted, None, 50)
    await durable_search.page(database, wanted, first.next_cursor, 50)
    costs.tell(f"two pages of {wanted}")
    assert (wanted.state in ("running", "discarded")) or len(first.items) == 50
    rows, pages = costs.most()
    assert rows <= 51 * 3, "three priorities wait in one queue"
    assert pages <= 1_500


@pytest.mark.parametrize("wanted", DEEP, ids=_asked)
async def test_a_search_gives_up_in_time(database: Database, costs: Costs, wanted: JobFilter) -> None:
    page = await durable_search.page(database, wanted, None, 50)
    costs.tell(f"a page of {wanted}")
    rows, pages = costs.most()
    assert rows <= 3 * durable_search.WALK_MAX
    assert pages <= 6 * durable_search.WALK_MAX
    if page.searched_until is not None:
        costs.notes.clear()
        further = await durable_search.page(database, wanted, page.next_cursor, 50)
        assert further.next_cursor != page.next_cursor
        assert costs.most()[0] <= 3 * durable_search.WALK_MAX


@pytest.mark.parametrize("wanted", [*PLAIN, *DEEP[:10]], ids=_asked)
async def test_a_count_stops(database: Database, costs: Costs, wanted: JobFilter) -> None:
    found = await durable_search.count(database, wanted, COUNT_MAX)
    costs.tell(f"count of {wanted}: {found}")
    assert found <= COUNT_MAX
    rows, pages = costs.most()
    assert rows <= COUNT_MAX
    assert pages <= COUNT_MAX


async def test_the_overview_stops_counting(database: Database, costs: Costs) -> None:
    backend = durable_backend.DurableBackend(database)
    counts = await backend.counts()
    costs.tell(f"counts {counts}")
    expected: dict[State, int] = {"done": min(ROWS, COUNT_MAX), "dead": min(FAILED * 3 // 4, COUNT_MAX)}
    assert {state: counts[state] for state in expected} == expected
    assert costs.most()[0] <= 4 * COUNT_MAX
    costs.notes.clear()
    await backend.queues()
    costs.tell("queues")
    assert costs.most()[0] <= 3 * COUNT_MAX


async def test_groups_are_counted_by_their_index(database: Database, costs: Costs) -> None:
    page = await failures.failure_groups(database)
    costs.tell("a page of failure groups")
    assert len(page.items) == 50
    assert sum(group.jobs or 0 for group in page.items) == FAILED
    assert costs.most()[0] <= FAILED
    assert "jobs_of_a_group" in str(costs.notes[0][1])


async def test_a_bulk_step_touches_what_it_changes(database: Database, costs: Costs) -> None:
    backend, before = durable_backend.DurableBackend(database), datetime.now(UTC)
    first = await backend.apply("retry", JobFilter(state="dead"), before, None, 500)
    costs.tell("a bulk step of 500")
    assert (first.seen, first.changed) == (500, 500)
    rows, _ = costs.most()
    assert rows <= 1_000
    costs.notes.clear()
    searched = await backend.apply("discard", JobFilter(text="nowhere"), before, None, 500)
    costs.tell("a bulk step that finds nothing")
    assert (searched.seen, searched.changed) == (0, 0)
    assert searched.cursor is not None
    assert costs.most()[0] <= 3 * durable_search.WALK_MAX
