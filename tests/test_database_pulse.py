"""The pulse of a pool: silence is noticed long before a statement's time is over, and only silence is."""

import asyncio
import errno
import os
import resource
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from databases import Database

from ops.local.postgres import SOCKET_NAME, TemporaryPostgres
from services import metrics
from services.database import connection, open_database, transaction
from services.database_pool import Pool
from services.database_pulse import Pulse, cpu_waited_seconds
from services.errors import DatabaseUnavailable
from services.settings import DatabaseSettings
from tests.freezing import frozen
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
    """Impatient, and with one connection: opening that may have taken so long that it was refused first."""
    opened = await _opened(own_postgres, DATABASE_PULSE_SECONDS="0.3")
    await wait_until_async(lambda: is_served(opened), "it is served")
    yield opened
    await opened.disconnect()


async def _nothing() -> None:
    """A knock that is answered at once."""


def _pulse(
    knock: Callable[[], Awaitable[None]] = _nothing,
    on_return: Callable[[], Awaitable[None]] = _nothing,
    connections: Callable[[str], float] = lambda _state: 0.0,
) -> Pulse:
    """One of its own, of a pool that is only told of."""
    return Pulse(
        "toy",
        knock,
        on_return,
        connections,
        after_seconds=0.01,
        patience_seconds=0.2,
        gauge=metrics.db_pool_away.labels("toy"),
    )


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
    with frozen(own_postgres.pid):
        assert await _refusals(database, 20) == 20
        assert await _refusals(database, 20) == 20
    await wait_until_async(lambda: is_served(database), "the pool has found out")


async def test_with_a_silent_server_who_comes_later_is_refused_without_being_made_to_wait(
    own_postgres: TemporaryPostgres, database: Database
) -> None:
    with frozen(own_postgres.pid):
        await _refusals(database, 1)
        with pytest.raises(DatabaseUnavailable):
            _ask(database).send(None)  # up to its first await: there is none
    await wait_until_async(lambda: is_served(database), "the pool has found out")


async def test_a_listener_hears_of_it_too(own_postgres: TemporaryPostgres, database: Database) -> None:
    lost = asyncio.Event()
    async with connection(database, resting=True) as raw:
        raw.add_termination_listener(lambda _connection: lost.set())
        with frozen(own_postgres.pid):
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

    pulse = _pulse(knock)
    stay = pulse.enter(lambda: cut.append(True))

    async def asked_again() -> bool:
        return len(asked) >= 2

    await wait_until_async(asked_again, "it asks again")
    pulse.admit()
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
    own_postgres.stop()
    before = time.time()
    assert await _refusals(database, 20) == 20
    assert database.pulse.away_since is not None
    assert before <= database.pulse.away_since <= time.time()
    own_postgres.start()
    await wait_until_async(lambda: is_served(database), "the pool has found out")
    assert database.pulse.away_since is None


async def test_a_server_that_comes_back_is_not_overrun(own_postgres: TemporaryPostgres) -> None:
    """A rush opens as many connections as the pool may have, and each of them once."""
    database = await _opened(own_postgres, DATABASE_PULSE_AFTER_SECONDS="20")
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
    await database.disconnect()


@contextmanager
def _no_more_files() -> Iterator[None]:
    """This process can open none until the end: no new connection, that is."""
    lowest_free = os.dup(0)
    os.close(lowest_free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _is_away(database: Database) -> bool:
    assert isinstance(database, Pool)
    return database.pulse.away_since is not None


async def _until_nobody_knocks(database: Database) -> None:
    """Whoever knocks has a file open, and gives it back for others to open."""
    assert isinstance(database, Pool)
    pulse = database.pulse

    async def is_so() -> bool:
        return pulse._task is None

    await wait_until_async(is_so, "nobody knocks")


async def test_a_process_that_can_open_no_more_files_goes_on_with_what_it_has(database: Database) -> None:
    """Also while a statement takes so long that the pulse is felt, which opens a connection, too."""
    async with transaction(database, timeout_seconds=600) as raw:
        await _until_nobody_knocks(database)
        with _no_more_files():
            assert await asyncio.create_task(_refusals(database, 1)) == 1
            assert await raw.fetchval("SELECT pg_sleep(0.6)::text") == ""
    assert not _is_away(database)
    assert await _refusals(database, 2) == 0


async def test_a_process_that_can_open_no_more_files_and_has_nothing_waits_until_it_can(
    own_postgres: TemporaryPostgres,
) -> None:
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="0.3")
    with _no_more_files():
        assert await _refusals(database, 2) == 2
        assert _is_away(database)
    await wait_until_async(lambda: is_served(database), "the pool has found out")
    assert not _is_away(database)
    await database.disconnect()


async def test_a_pulse_that_cannot_ask_anew_waits_for_the_answer_of_who_is_there(
    own_postgres: TemporaryPostgres,
) -> None:
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="20")

    async def sleep() -> None:
        async with connection(database, timeout_seconds=600) as raw:
            await raw.fetchval("SELECT pg_sleep(0.6)")

    await asyncio.gather(sleep(), sleep())  # a connection each
    await _until_nobody_knocks(database)
    with _no_more_files():
        await sleep()
    assert not _is_away(database)
    await database.disconnect()


@pytest.mark.parametrize("kind", [2, 7], ids=["Kerberos", "GSS"])
async def test_a_server_that_asks_for_what_nobody_can_is_looked_for_further(
    own_postgres: TemporaryPostgres, database: Database, kind: int
) -> None:
    assert isinstance(database, Pool)
    visited = asyncio.Event()

    async def ask_to_authenticate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"R" + struct.pack("!ii", 8, kind))
        await reader.read()  # until who asked has gone
        writer.close()
        visited.set()

    own_postgres.stop()
    assert await _refusals(database, 20) == 20
    stranger = await asyncio.start_unix_server(
        ask_to_authenticate, own_postgres.cluster.sockets / SOCKET_NAME
    )
    await asyncio.wait_for(visited.wait(), 30)
    assert database.pulse.away_since is not None
    async with await _opened(own_postgres) as newcomer:
        assert await _refusals(newcomer, 1) == 1
    stranger.close()
    own_postgres.start()
    await wait_until_async(lambda: is_served(database), "the pool has found out")


async def test_no_error_ends_the_look_in_the_background() -> None:
    answers: list[Exception | None] = [asyncpg.InternalClientError(), KeyError("?"), None, None]
    afterwards: list[Exception | None] = [KeyError("?"), None]
    returned = asyncio.Event()

    async def knock() -> None:
        if answer := answers.pop(0):
            raise answer

    async def on_return() -> None:
        if answer := afterwards.pop(0):
            raise answer
        returned.set()

    pulse = _pulse(knock, on_return)
    pulse.failed_to_connect(ConnectionRefusedError())
    await asyncio.wait_for(returned.wait(), 30)
    pulse.admit()


async def test_no_error_ends_the_pulse() -> None:
    """With a connection there it proves nothing, and is asked again; without one nobody is well."""
    asked: list[int] = []

    async def knock() -> None:
        asked.append(1)
        raise KeyError("?")

    connections = [1]
    pulse = _pulse(knock, connections=lambda _state: float(connections[0]))
    stay = pulse.enter(lambda: None)

    async def asked_twice() -> bool:
        return len(asked) >= 2

    async def is_away() -> bool:
        return pulse.away_since is not None

    await wait_until_async(asked_twice, "it asks again")
    assert pulse.away_since is None
    connections[0] = 0
    await wait_until_async(is_away, "it is given up")
    pulse.leave(stay, answered=False)
    pulse.stop()


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError(errno.EADDRNOTAVAIL, "no local port is left"),
        ssl.SSLCertVerificationError("its certificate has run out"),
        asyncpg.TargetServerAttributeNotMatched(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_says_nothing_of_the_server_fails_the_newcomer_only(error: Exception) -> None:
    pulse = _pulse(connections=lambda state: 1.0 if state == "busy" else 0.0)
    cut: list[bool] = []
    stay = pulse.enter(lambda: cut.append(True))
    pulse.failed_to_connect(error)
    pulse.admit()
    pulse.leave(stay, answered=True)
    pulse.stop()
    assert not cut


async def test_a_pool_whose_server_is_silent_can_be_closed(own_postgres: TemporaryPostgres) -> None:
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="20")
    await _ask(database)
    with frozen(own_postgres.pid):
        async with asyncio.timeout(30):
            await database.disconnect()


async def test_a_server_too_starved_for_new_sessions_is_not_silent(own_postgres: TemporaryPostgres) -> None:
    database = await _opened(own_postgres, DATABASE_PULSE_SECONDS="2")

    async def ask(seconds: float) -> None:
        async with connection(database, timeout_seconds=600) as raw:
            await raw.execute(f"SELECT pg_sleep({seconds})")

    await asyncio.gather(ask(0.2), ask(0.2))  # a connection each
    postmaster = psutil.Process(own_postgres.pid)
    postmaster.suspend()  # sessions that are there live on; nobody is let in
    try:
        await ask(4)
    finally:
        postmaster.resume()
    await database.disconnect()


def test_a_starved_machine_is_known_by_how_long_its_processes_wait() -> None:
    if not Path("/proc/pressure/cpu").exists():
        pytest.skip("this kernel does not tell")
    began, before = time.monotonic(), cpu_waited_seconds()
    # Nice to all others: who waits is counted all the same.
    burn = ["nice", "-n", "19", sys.executable, "-c", "while True: pass"]
    burning = [subprocess.Popen(burn) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        wait_until(lambda: cpu_waited_seconds() - before > 1.0, "somebody waited for a second")
    finally:
        for process in burning:
            process.kill()
            process.wait()
    assert cpu_waited_seconds() - before <= time.monotonic() - began + 0.1
