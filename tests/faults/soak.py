"""What a soak of the durable jobs stands on: workers to be killed, the book of effects, and its audit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ops.local.leash import leashed
from tests.conftest import NO_GATEWAY, PATIENT, ROOT

# One row per claim that began, by its lease. A worker that was killed ends its effects with its death.
_BOOK = """
    CREATE SCHEMA soak;
    CREATE TABLE soak.effects (
      job_id      uuid NOT NULL,
      lease_token uuid PRIMARY KEY,
      worker      text NOT NULL,
      started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at    timestamptz
    );
    CREATE TABLE soak.deaths (worker text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
    GRANT USAGE ON SCHEMA soak TO kiosk_catalog;
    GRANT SELECT, INSERT, UPDATE ON soak.effects TO kiosk_catalog;
"""
_PRODUCTS = """
    WITH product AS (
      INSERT INTO catalog.products (slug, title, title_key, brand, price_minor, published_at)
      SELECT 'soak-' || n, n, n, 'Brand', 100, now() FROM generate_series($1::int, $2::int) n
      RETURNING id, slug
    )
    INSERT INTO catalog.variants (product_id, sku, price_minor) SELECT id, upper(slug), 100 FROM product
"""
# Each product's own number is the level that its job was to set.
_UNSTOCKED = """
    SELECT sku, available FROM catalog.variants
    WHERE sku LIKE 'SOAK-%' AND available <> split_part(sku, '-', 2)::int LIMIT 5
"""
# What must not be, by name.
_AUDIT: dict[str, str] = {
    "jobs that did not end well": """
        SELECT id, state, attempt, error_message FROM jobs.jobs WHERE actor LIKE 'tests.%' AND state <> 'done'
    """,
    "jobs that are done without an effect": """
        SELECT j.id FROM jobs.jobs j WHERE j.actor LIKE 'tests.%' AND NOT EXISTS (
          SELECT FROM soak.effects e
          WHERE e.job_id = j.id AND e.lease_token = j.lease_token AND e.ended_at IS NOT NULL)
    """,
    "effects that overlap": """
        SELECT * FROM (
          SELECT e.job_id, e.worker, coalesce(e.ended_at, d.at) AS ended_at,
                 lead(e.started_at) OVER (PARTITION BY e.job_id ORDER BY e.started_at) AS next_started_at
          FROM soak.effects e LEFT JOIN soak.deaths d ON d.worker = e.worker
        ) e WHERE e.next_started_at < coalesce(e.ended_at, 'infinity')
    """,
    "attempts that overlap": """
        SELECT * FROM (
          SELECT a.job_id, a.number, a.finished_at,
                 lead(a.started_at) OVER (PARTITION BY a.job_id ORDER BY a.number) AS next_started_at
          FROM jobs.attempts a
        ) a WHERE a.next_started_at < a.finished_at
    """,
    "jobs that were done more than once": """
        SELECT job_id, count(*) FROM jobs.attempts WHERE outcome = 'done' GROUP BY job_id HAVING count(*) > 1
    """,
}


@dataclass
class Crew:
    """Worker processes by name. Each that is started has a name of its own."""

    folder: Path
    variables: dict[str, object]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    hired: int = 0

    def start(self) -> str:
        self.hired += 1
        name = f"worker-{self.hired}"
        given = {key: str(value) for key, value in self.variables.items()}
        environment = {**os.environ, "ENVIRONMENT": "test", **NO_GATEWAY, **PATIENT, **given}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                leashed([sys.executable, "-m", "tests.faults.soak_worker"], signal.SIGKILL),
                cwd=ROOT,
                env={**environment, "SOAK_WORKER": name},
                stdout=log,
                stderr=log,
            )
        return name

    def kill(self, name: str) -> None:
        """`kill -9`; returns when the process is gone."""
        process = self.processes.pop(name)
        assert process.poll() is None, f"{name} ended by itself:\n{self.said(name)}"
        process.kill()
        process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-3000:]


@contextmanager
def crew(folder: Path, **variables: object) -> Iterator[Crew]:
    """Two durable workers with the soak's actors; who is left at the end is killed."""
    workers = Crew(folder, variables)
    workers.start()
    workers.start()
    try:
        yield workers
    finally:
        for name in list(workers.processes):
            workers.processes[name].kill()
            workers.processes[name].wait()


async def open_book(owner: Any) -> None:
    await owner.execute(_BOOK)


async def enqueue_products(owner: Any, first: int, last: int, hold_ms: int) -> None:
    """Products and the jobs that stock them, in one transaction."""
    backlog = [
        {"actor": "tests.stock_product", "args": [number, hold_ms]} for number in range(first, last + 1)
    ]
    async with owner.transaction():
        await owner.execute(_PRODUCTS, first, last)
        await _enqueue(owner, backlog)


async def enqueue_notes(owner: Any, count: int) -> None:
    await _enqueue(owner, [{"actor": "tests.note"}] * count)


async def _enqueue(owner: Any, backlog: list[dict[str, Any]]) -> None:
    await owner.execute("SELECT jobs.enqueue_many($1::jsonb)", msgspec.json.encode(backlog).decode())


async def in_state(owner: Any, state: str) -> int:
    """How many of the soak's jobs are in a state."""
    query = "SELECT count(*) FROM jobs.jobs WHERE actor LIKE 'tests.%' AND state = $1"
    count: int = await owner.fetchval(query, state)
    return count


async def audit(owner: Any) -> dict[str, list[Any]]:
    """What must not be, and is: nothing when all jobs have survived."""
    checks = {**_AUDIT, "products without their stock": _UNSTOCKED}
    found = {name: [tuple(row) for row in await owner.fetch(query)][:5] for name, query in checks.items()}
    return {name: rows for name, rows in found.items() if rows}


async def outcomes(owner: Any) -> dict[str, int]:
    """How many attempts ended how. The clock's own jobs run besides, and do not count."""
    query = """
        SELECT a.outcome, count(*) FROM jobs.attempts a JOIN jobs.jobs j ON j.id = a.job_id
        WHERE j.actor LIKE 'tests.%' GROUP BY a.outcome
    """
    rows = await owner.fetch(query)
    return {row["outcome"]: row["count"] for row in rows}
