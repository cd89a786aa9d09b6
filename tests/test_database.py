"""Lending connections: with a deadline, and in the shop's words when there are none."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from typing import Any

import asyncpg
import prometheus_client
import pytest
from databases import Database

from ops.local.postgres import TemporaryPostgres
from services.database import Connection, connection, open_database, role_password, role_url, transaction
from services.errors import DatabaseUnavailable
from services.request_context import RequestContext, current_request
from services.settings import DatabaseSettings, SettingError
from tests.conftest import PATIENT
from tests.freezing import frozen
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio
WAITS = {"DATABASE_LOCK_TIMEOUT_SECONDS": "20", "DATABASE_PULSE_AFTER_SECONDS": "20"}


async def is_served(database: Database) -> bool:
    """Whether the pool lends a connection that answers."""
    try:
        async with connection(database) as raw:
            return bool(await raw.fetchval("SELECT 1") == 1)
    except DatabaseUnavailable:
        return False


def _opened(url: str, **variables: str) -> Database:
    """A pool of one connection, patient but for what is given."""
    return open_database(
        url, DatabaseSettings.read({**PATIENT, **WAITS, **variables}), pool_max=1, name="test"
    )


async def _begun_or_failed(begun: asyncio.Event, task: asyncio.Task[Any]) -> None:
    """Waits for the event, or raises what ended the task that was to set it."""
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not begun.is_set():
        await task
    assert begun.is_set()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    # Who cancels a statement that has not begun has it run on, until its time is over.
    async with _opened(database_url, DATABASE_STATEMENT_TIMEOUT_SECONDS="2") as opened:
        yield opened


async def test_nothing_is_begun_for_a_caller_who_has_gone(database: Database) -> None:
    async with connection(database):
        pass  # there is a free one now
    token = current_request.set(RequestContext("request-1", deadline=time.monotonic()))
    try:
        with pytest.raises(DatabaseUnavailable, match="over"):
            async with connection(database):
                pass
    finally:
        current_request.reset(token)


async def test_a_pool_that_is_used_up_says_so_in_time(database: Database) -> None:
    async def borrow() -> None:
        async with connection(database, timeout_seconds=0.1):
            pass

    async with connection(database):
        with pytest.raises(DatabaseUnavailable):
            await asyncio.create_task(borrow())
    await borrow()


async def _lock_timeout_ms(raw: Connection) -> int:
    return int(await raw.fetchval("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'"))


async def test_who_waited_for_a_connection_waits_the_less_for_a_lock(database: Database) -> None:
    in_line = asyncio.Event()

    async def second() -> int:
        in_line.set()
        async with transaction(database, timeout_seconds=20) as raw:
            return await _lock_timeout_ms(raw)

    async with connection(database, timeout_seconds=20) as raw:
        assert await _lock_timeout_ms(raw) == 20_000
        waiting = asyncio.create_task(second())
        await in_line.wait()
        await asyncio.sleep(0.5)  # so long at least is the only connection away
    assert 50 <= await waiting <= 19_500
    async with connection(database, timeout_seconds=20) as raw:
        assert await _lock_timeout_ms(raw) == 20_000, "of the next one nothing is taken"


async def test_a_lock_not_had_in_what_was_left_is_said_so_and_the_connection_goes_on(
    database_url: str, owner: asyncpg.Connection
) -> None:
    await owner.execute("SELECT pg_advisory_lock(4711)")
    async with _opened(database_url, DATABASE_LOCK_TIMEOUT_SECONDS="5") as database:

        async def second() -> None:
            async with connection(database, timeout_seconds=5) as raw:
                assert await _lock_timeout_ms(raw) < 5000
                await raw.execute("SELECT pg_advisory_xact_lock(4711)")

        async with connection(database, timeout_seconds=20):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.5)  # so long is the only connection away
        with pytest.raises(DatabaseUnavailable) as refused:
            await waiting
        assert isinstance(refused.value.__cause__, asyncpg.LockNotAvailableError)
        async with connection(database, timeout_seconds=20) as raw:
            assert await _lock_timeout_ms(raw) == 5000


async def test_who_is_cancelled_twice_leaves_the_next_its_whole_wait_for_locks(database: Database) -> None:
    begun = asyncio.Event()

    async def second() -> None:
        async with connection(database, timeout_seconds=20) as raw:
            assert await _lock_timeout_ms(raw) < 20_000
            begun.set()
            await raw.execute("SELECT pg_sleep(60)")

    async with connection(database, timeout_seconds=20):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.5)  # so long is the only connection away
    await _begun_or_failed(begun, waiting)
    await asyncio.sleep(0)  # the statement is on its way
    await _cancel_twice(waiting)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with connection(database, timeout_seconds=20) as raw:
        assert await _lock_timeout_ms(raw) == 20_000


async def test_a_callers_nearer_deadline_counts(database: Database) -> None:
    async def borrow() -> None:
        current_request.set(RequestContext("id", deadline=asyncio.get_running_loop().time()))
        async with connection(database, timeout_seconds=600):
            pass

    async with connection(database):
        with pytest.raises(DatabaseUnavailable):
            await asyncio.create_task(borrow())


async def test_a_statement_that_takes_too_long_is_ended_and_the_connection_goes_on(
    database_url: str,
) -> None:
    async with _opened(database_url, DATABASE_STATEMENT_TIMEOUT_SECONDS="0.5") as database:
        with pytest.raises(DatabaseUnavailable):
            async with connection(database) as raw:
                await raw.execute("SELECT pg_sleep(30)")
        await wait_until_async(lambda: is_served(database), "it goes on")


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    async def fail_halfway() -> None:
        async with transaction(database) as raw:
            await raw.execute("CREATE TABLE public.half (n int)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_halfway()
    async with connection(database) as raw:
        assert await raw.fetchval("SELECT to_regclass('public.half')") is None


async def test_a_lost_connection_is_replaced(database: Database) -> None:
    async with connection(database) as raw:
        pid = await raw.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(DatabaseUnavailable):
        async with connection(database) as raw:
            await raw.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with connection(database) as raw:
        assert await raw.fetchval("SELECT pg_backend_pid()") != pid


async def test_a_connection_that_dies_between_two_statements_counts_as_away(
    database: Database, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)

    async def two_statements(lend: Callable[..., AbstractAsyncContextManager[Any]]) -> None:
        async with lend(database) as raw:
            pid = await raw.fetchval("SELECT pg_backend_pid()")
            await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            await asyncio.sleep(0)  # the loop hears of it
            await raw.execute("SELECT 1")

    for lend in (connection, transaction):
        with pytest.raises(DatabaseUnavailable):
            await two_statements(lend)
    await owner.close()


async def test_a_task_cancelled_while_its_connection_is_lost_is_just_cancelled(
    own_postgres: TemporaryPostgres,
) -> None:
    begun = asyncio.Event()

    async def sleep(opened: Database) -> None:
        async with connection(opened, timeout_seconds=20) as raw:
            begun.set()
            await raw.execute("SELECT pg_sleep(60)")

    async with _opened(own_postgres.url) as opened:
        sleeping = asyncio.create_task(sleep(opened))
        await _begun_or_failed(begun, sleeping)
        await asyncio.sleep(0)  # the statement is on its way
        own_postgres.stop()
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping


async def _lost_in_the_same_turn(database: Database) -> None:
    async with connection(database) as raw:
        asyncio.get_running_loop().call_soon(raw.terminate)


async def _out_of_time_in_the_same_turn(database: Database) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as patience, connection(database):
            patience.reschedule(0)


async def _cancelled_twice(database: Database) -> None:
    """The second time while the server has not yet confirmed the first."""
    task = asyncio.current_task()
    assert task is not None
    with suppress(asyncio.CancelledError):
        async with connection(database) as raw:
            canceller = asyncio.create_task(_cancel_twice(task))
            await raw.execute("SELECT pg_sleep(60)")
    await canceller
    assert (task.uncancel(), task.uncancel()) == (1, 0)


async def _cancel_twice(task: asyncio.Task[Any]) -> None:
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)  # it is told


@pytest.mark.parametrize(
    "disturbed", [_lost_in_the_same_turn, _out_of_time_in_the_same_turn, _cancelled_twice]
)
async def test_a_task_disturbed_while_it_gives_back_may_ask_again(
    database: Database, disturbed: Callable[[Database], Awaitable[None]]
) -> None:
    await disturbed(database)
    await wait_until_async(lambda: is_served(database), "it is lent a connection again")


async def test_a_server_that_falls_silent_is_given_up(own_postgres: TemporaryPostgres) -> None:
    settings = DatabaseSettings.read({"DATABASE_STATEMENT_TIMEOUT_SECONDS": "0.2"})
    opened = open_database(own_postgres.url, settings, pool_max=1, name="silent")
    await opened.connect()
    await wait_until_async(lambda: is_served(opened), "there is a connection")
    with frozen(own_postgres.pid):
        with pytest.raises(DatabaseUnavailable):  # the connection that is there
            async with asyncio.timeout(20), connection(opened) as raw:
                await raw.execute("SELECT 1")
        with pytest.raises(DatabaseUnavailable):  # a new one
            async with asyncio.timeout(20), connection(opened) as raw:
                await raw.execute("SELECT 1")
    await wait_until_async(lambda: is_served(opened), "the pool has found out")
    await opened.disconnect()


async def test_a_server_that_falls_silent_in_a_transaction_is_given_up(
    own_postgres: TemporaryPostgres,
) -> None:
    settings = DatabaseSettings.read({"DATABASE_STATEMENT_TIMEOUT_SECONDS": "0.2"})
    opened = open_database(own_postgres.url, settings, pool_max=1, name="silent")
    await opened.connect()
    await wait_until_async(lambda: is_served(opened), "there is a connection")

    async def insert_and_freeze(silence: ExitStack) -> None:
        async with asyncio.timeout(20), transaction(opened) as raw:
            await raw.execute("CREATE TABLE public.half (n int)")
            silence.enter_context(frozen(own_postgres.pid))
            await raw.execute("INSERT INTO public.half VALUES (1)")

    with ExitStack() as silence, pytest.raises(DatabaseUnavailable):
        await insert_and_freeze(silence)
    await wait_until_async(lambda: is_served(opened), "the pool has found out")
    async with connection(opened) as raw:
        assert await raw.fetchval("SELECT to_regclass('public.half')") is None
    await opened.disconnect()


async def test_a_mistake_in_a_statement_is_not_taken_for_an_outage(database: Database) -> None:
    with pytest.raises(Exception, match="syntax error"):
        async with connection(database) as raw:
            await raw.execute("SELEKT 1")


async def test_a_role_that_is_not_made_yet_counts_as_away(database_url: str) -> None:
    nobody = database_url.replace("postgres@", "kiosk_nobody@")
    opened = open_database(nobody, DatabaseSettings.read({}), pool_max=1, name="nobody")
    await opened.connect()
    with pytest.raises(DatabaseUnavailable):
        async with connection(opened):
            pass
    await opened.disconnect()


async def test_the_pool_is_counted(database: Database) -> None:
    def busy() -> float | None:
        labels = {"pool": "test", "state": "busy"}
        return prometheus_client.REGISTRY.get_sample_value("db_pool_connections", labels)

    async with connection(database):
        assert busy() == 1
    assert busy() == 0


def test_runtime_roles_are_derived_from_the_owner() -> None:
    settings = DatabaseSettings.read(
        {"DATABASE_URL": "postgresql://owner:se%40cret@db:5432/kiosk?sslmode=require"}
    )
    url = role_url(settings, "catalog")
    password = role_password("postgresql://owner:se%40cret@db:5432/kiosk", "kiosk_catalog")
    assert url == f"postgresql://kiosk_catalog:{password}@db:5432/kiosk?sslmode=require"
    assert password is not None
    assert "cret" not in url


def test_an_owner_without_a_password_gives_roles_without_one() -> None:
    settings = DatabaseSettings.read({"DATABASE_URL": "postgresql://postgres@/kiosk?host=/run/pg"})
    assert role_url(settings, "jobs") == "postgresql://kiosk_jobs@/kiosk?host=/run/pg"


def test_an_explicit_role_url_wins() -> None:
    settings = DatabaseSettings.read(
        {"JOBS_DATABASE_URL": "postgresql://j@x/y", "DATABASE_URL": "postgresql://o@x/y"}
    )
    assert role_url(settings, "jobs") == "postgresql://j@x/y"


def test_without_any_url_the_missing_variable_is_named() -> None:
    with pytest.raises(SettingError, match="CATALOG_DATABASE_URL"):
        role_url(DatabaseSettings.read({}), "catalog")
