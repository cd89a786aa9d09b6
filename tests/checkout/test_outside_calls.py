"""Notes on how the calls to the outside went: sparing, but never late with a change."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from databases import Database

from services.checkout.outside_calls import OutsideCalls
from services.database import open_database
from services.settings import DatabaseSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until the test moves it."""
    now = [1000.0]
    monkeypatch.setattr("services.checkout.outside_calls.time.monotonic", lambda: now[0])
    return now


async def _row(owner: asyncpg.Connection, name: str = "mail") -> dict[str, Any]:
    row = await owner.fetchrow("SELECT * FROM checkout.outside_calls WHERE name = $1", name)
    assert row is not None
    return dict(row)


async def test_a_success_is_noted_with_its_latency(database: Database, owner: asyncpg.Connection) -> None:
    await OutsideCalls(database).record("mail", None, 12.5)
    row = await _row(owner)
    assert (row["failures"], row["error"], row["latency_ms"]) == (0, None, 12.5)
    assert row["succeeded_at"] is not None
    assert row["failed_at"] is None
    assert (await _row(owner, "payment_gateway"))["succeeded_at"] is None


async def test_every_change_and_the_second_failure_are_noted_at_once(
    database: Database, owner: asyncpg.Connection, clock: list[float]
) -> None:
    calls = OutsideCalls(database)
    noted = []
    for error in (None, "Timeout", "Timeout", None, "Refused"):
        await calls.record("mail", error, 1.0)
        row = await _row(owner)
        noted.append((row["failures"], row["error"]))
    assert noted == [(0, None), (1, "Timeout"), (2, "Timeout"), (0, "Timeout"), (1, "Refused")]


async def test_more_of_the_same_is_noted_once_a_second_and_no_failure_is_lost(
    database: Database, owner: asyncpg.Connection, clock: list[float]
) -> None:
    calls = OutsideCalls(database)
    for _ in range(10):
        await calls.record("mail", "Timeout", 1.0)
    assert (await _row(owner))["failures"] >= 2  # the first write was cut off, and may have happened
    clock[0] += 1
    await calls.record("mail", "Timeout", 1.0)
    assert (await _row(owner))["failures"] == 11


async def test_successes_in_the_same_second_are_one_write(
    database: Database, owner: asyncpg.Connection, clock: list[float]
) -> None:
    calls = OutsideCalls(database)
    await calls.record("mail", None, 1.0)
    await calls.record("mail", None, 2.0)
    assert (await _row(owner))["latency_ms"] == 1.0
    clock[0] += 1
    await calls.record("mail", None, 3.0)
    assert (await _row(owner))["latency_ms"] == 3.0


async def test_two_processes_count_together(database: Database, owner: asyncpg.Connection) -> None:
    one, other = OutsideCalls(database), OutsideCalls(database)
    await one.record("mail", "Timeout", 1.0)
    await other.record("mail", "Timeout", 1.0)
    assert (await _row(owner))["failures"] == 2


async def test_without_the_database_nothing_is_raised_and_failures_are_kept(
    database_url: str, database: Database, owner: asyncpg.Connection, clock: list[float]
) -> None:
    calls = OutsideCalls(database)
    await owner.execute("ALTER TABLE checkout.outside_calls RENAME TO elsewhere")
    await calls.record("mail", "Timeout", 1.0)
    await owner.execute("ALTER TABLE checkout.elsewhere RENAME TO outside_calls")
    await calls.record("mail", "Timeout\x00\ud800", 1.0)
    row = await _row(owner)
    assert (row["failures"], row["error"]) == (2, "Timeout?")

    settings = DatabaseSettings(database_url="postgresql://kiosk@127.0.0.1:1/kiosk")
    away = open_database("postgresql://kiosk@127.0.0.1:1/kiosk", settings, pool_max=1, name="away")
    await away.connect()
    await OutsideCalls(away).record("mail", "Timeout", 1.0)
    await away.disconnect()


async def test_a_locked_row_delays_the_caller_only_a_little(
    database: Database, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = OutsideCalls(database)
    async with owner.transaction():
        await owner.execute("SELECT FROM checkout.outside_calls FOR UPDATE")
        with monkeypatch.context() as impatient:
            impatient.setattr("services.checkout.outside_calls._PATIENCE_SECONDS", 0.3)
            async with asyncio.timeout(10):
                await calls.record("mail", "Timeout", 1.0)  # returns while the row is still locked
    await calls.record("mail", "Timeout", 1.0)
    assert (await _row(owner))["failures"] >= 2  # the first write was cut off, and may yet have happened
