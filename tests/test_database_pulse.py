"""The pulse of a pool: silence is noticed long before a statement's time is over, and only silence is."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from databases import Database

from ops.local.postgres import TemporaryPostgres
from services import metrics
from services.database import connection, open_database
from services.database_pool import Pool
from services.database_pulse import Pulse, cpu_waited_seconds
from services.errors import DatabaseUnavailable
from services.settings import DatabaseSettings
from tests.store import wait_until, wait_until_async
from tests.test_database import is_served

pytestmark = pytest.mark.anyio

# So long that no timeout of a statement, of a connection or of the pool ends any of these tests.
PATIENT = {
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "600",
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "600",
    "DATABASE_PULSE_AFTER_SECONDS": "0.1",
}


async def _opened(server: TemporaryPostgres, **variables: str) -> Database:
    settings = DatabaseSettings.read({**PATIENT, **variables})
    database = open_database(server.url, settings, pool_max=3, name="pulse")
    await database.connect()
    return database


@pytest.fixture
async def database(own_postgres: TemporaryPostgres) -> AsyncIterator[Database]:
    opened = await _opened(own_postgres, DATABASE_PULSE_SECONDS="0.3")
    yield opened
    await opened.disconnect()


class Frozen:
    """The server and all its sessions, paused between `with` and its end."""

    def __init__(self, server: TemporaryPostgres) -> None:
        self._server = server

    def __enter__(self) -> None:
        postmaster = psutil.Process(self._server.pid)
        self._frozen = [postmaster, *postmaster.children()]
        for process in self._frozen:
            process.suspend()

    def __exit__(self, *_: object) -> None:
        for process in self._frozen:
            process.resume()


async def _ask(database: Database, statement: str = "SELECT 1") -> object:
    async with connection(database, timeout_seconds=600) as raw:
        return await raw.fetchval(statement)


async def _refusals(database: Database, callers: int) -> int:
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(_ask(database) for _ in range(callers)), return_exceptions=True)
    return sum(isinstance(answer, DatabaseUnavailable) for answer in answers)


async def test_with_a_silent_server_all_who_wait_are_let_go(
    own_postgres: TemporaryPostgres, database: Database
) -> None:
    """Those with a connection, those who get one, and those who wait for one of theirs."""
    await _ask(database)
    with Frozen(own_postgres):
        assert await _refusals(database, 20) == 20
        assert await _refusals(database, 20) == 20
    await wait_until_async(lambda: is_served(database), "the pool has found out")


async def test_with_a_silent_server_who_comes_later_is_refused_without_being_made_to_wait(
    own_postgres: TemporaryPostgres, database: Database
) -> None:
    with Frozen(own_postgres):
        await _refusals(database, 1)
        with pytest.raises(DatabaseUnavailable):
            _ask(database).send(None)  # up to its first await: there is none
    await wait_until_async(lambda: is_served(database), "the pool has found out")


async def test_a_listener_hears_of_it_too(own_postgres: TemporaryPostgres, database: Database) -> None:
    lost = asyncio.Event()
    async with connection(database, resting=True) as raw:
        raw.add_termination_listener(lambda _connection: lost.set())
        with Frozen(own_postgres):
            assert await asyncio.create_task(_refusals(database, 1)) == 1
        await asyncio.wait_for(lost.wait(), 30)


async def test_a_statement_that_takes_its_time_is_no_silence(own_postgres: TemporaryPostgres) -> None:
    """Also when all connections are busy with such: the pulse has one of its own."""
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="20")
    answers = await asyncio.gather(*(_ask(database, "SELECT pg_sleep(0.6)::text") for _ in range(5)))
    assert answers == [""] * 5
    await database.disconnect()


async def test_who_was_busy_and_missed_the_answer_asks_again() -> None:
    asked: list[int] = []
    cut: list[bool] = []

    async def knock() -> None:
        asked.append(len(asked))
        if len(asked) == 1:
            time.sleep(0.5)  # the whole process is busy: that is the point
            await asyncio.Event().wait()

    async def nothing() -> None:
        pass

    pulse = Pulse(
        "busy",
        knock,
        nothing,
        after_seconds=0.01,
        patience_seconds=0.2,
        gauge=metrics.db_pool_away.labels("busy"),
    )
    stay = pulse.enter(lambda: cut.append(True))

    async def asked_again() -> bool:
        return len(asked) >= 2

    await wait_until_async(asked_again, "it asks again")
    pulse.admit(lambda: 0)
    pulse.leave(stay, answered=True)
    pulse.stop()
    assert not cut


async def test_a_server_that_takes_nobody_in_is_no_silent_one(own_postgres: TemporaryPostgres) -> None:
    """Who has a connection keeps it, while nobody gets another."""
    owner = await asyncpg.connect(own_postgres.url)
    await owner.execute("CREATE ROLE shopper LOGIN CONNECTION LIMIT 1")
    await owner.close()
    url = own_postgres.url.replace("postgres@", "shopper@")
    settings = DatabaseSettings.read({**PATIENT, "DATABASE_PULSE_SECONDS": "20"})
    shopper = open_database(url, settings, pool_max=2, name="shopper")
    await shopper.connect()
    async with connection(shopper, timeout_seconds=600) as raw:
        with pytest.raises(DatabaseUnavailable):
            await asyncio.create_task(_ask(shopper))
        assert await raw.fetchval("SELECT pg_sleep(0.5)::text") == ""
    assert await _ask(shopper) == 1
    await shopper.disconnect()


async def test_a_server_that_is_gone_is_missed_at_once_and_found_again(
    own_postgres: TemporaryPostgres, database: Database
) -> None:
    assert isinstance(database, Pool)
    await _ask(database)
    own_postgres.stop()
    before = time.time()
    assert await _refusals(database, 20) == 20
    assert database.pulse.away_since is not None
    assert before <= database.pulse.away_since <= time.time()
    own_postgres.start()
    await wait_until_async(lambda: is_served(database), "the pool has found out")
    assert database.pulse.away_since is None


async def test_a_server_that_comes_back_is_not_overrun(
    own_postgres: TemporaryPostgres, database: Database
) -> None:
    """A rush opens as many connections as the pool may have, and each of them once."""
    await _ask(database)
    own_postgres.stop()
    await _refusals(database, 20)
    own_postgres.start()
    await wait_until_async(lambda: is_served(database), "the pool has found out")
    owner = await asyncpg.connect(own_postgres.url)
    sessions = "SELECT sessions FROM pg_stat_database WHERE datname = 'kiosk'"
    await owner.execute("SELECT pg_stat_force_next_flush()")
    begun = await owner.fetchval(sessions)
    assert await _refusals(database, 200) == 0
    await owner.execute("SELECT pg_stat_force_next_flush()")
    assert await owner.fetchval(sessions) - begun <= 3
    await owner.close()


async def test_a_pool_whose_server_is_silent_can_be_closed(own_postgres: TemporaryPostgres) -> None:
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="20")
    await _ask(database)
    with Frozen(own_postgres):
        async with asyncio.timeout(30):
            await database.disconnect()


async def test_a_server_too_starved_for_new_sessions_is_not_silent(
    database: Database, own_postgres: TemporaryPostgres
) -> None:
    async def ask(seconds: float) -> None:
        async with connection(database) as raw:
            await raw.execute(f"SELECT pg_sleep({seconds})")

    await asyncio.gather(ask(0.2), ask(0.2))  # a connection each
    postmaster = psutil.Process(own_postgres.pid)
    postmaster.suspend()  # sessions that are there live on; nobody is let in
    try:
        await ask(1.5)
    finally:
        postmaster.resume()


def test_a_starved_machine_is_known_by_how_long_its_processes_wait() -> None:
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("this kernel does not tell")
    began, before = time.monotonic(), cpu_waited_seconds()
    burning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * (os.cpu_count() or 1))
    ]
    try:
        wait_until(lambda: cpu_waited_seconds() - before > 1.0, "somebody waited for a second")
    finally:
        for process in burning:
            process.kill()
            process.wait()
    assert cpu_waited_seconds() - before <= time.monotonic() - began + 0.1
