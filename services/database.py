"""PostgreSQL: one pool per role, lent out with a deadline.

`databases` owns pool and transactions; statements run on its raw asyncpg connection, which is as
fast as asyncpg alone. Its pool would wait forever for a free connection, so `connection()` and
`transaction()` are the only ways in. Inside them use `asyncio.timeout` only: `wait_for`, `gather`
and new tasks would run on another connection of the task-local map.

Each pool has a pulse (`database_pulse.py`): while the server is away, or silent, everybody is
refused at once, and the pool comes back by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from services import metrics
from services.database_pulse import Pulse, cut_short
from services.errors import DatabaseUnavailable
from services.request_context import current_request
from services.settings import DatabaseSettings, SettingError

Connection = PoolConnectionProxy
_CONNECTS_AT_ONCE = 2
_GOODBYE_SECONDS = 3.0
_WAIT_UNNOTICED_SECONDS = 0.1  # for a connection; what is left is not worth two more round trips
_LOCK_MIN_SECONDS = 0.05

_AWAY = (
    OSError,  # and TimeoutError, which is one
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,  # no connection left, the disk is full
    asyncpg.PostgresSystemError,  # its disk fails
    asyncpg.InvalidAuthorizationSpecificationError,  # the role is not made yet: migrations make it
    asyncpg.InvalidCatalogNameError,  # nor the database
    asyncpg.OperatorInterventionError,  # shutdown, crash, and a statement past its timeout
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


def role_password(owner_url: str, role: str) -> str | None:
    """The password of a runtime role: derived from the owner's, so there is one secret to keep.
    The owner can compute the role's, never the other way round. None where the owner has none."""
    secret = urlsplit(owner_url).password
    if secret is None:
        return None
    return hmac.new(secret.encode(), f"kiosk role {role}".encode(), hashlib.sha256).hexdigest()


def role_url(settings: DatabaseSettings, service: str) -> str:
    """The URL by which a service reaches its data: `CATALOG_DATABASE_URL`, or else derived from
    `DATABASE_URL` with the role `kiosk_catalog`. Raises SettingError where neither is set."""
    if explicit := getattr(settings, f"{service}_database_url"):
        return str(explicit)
    if settings.database_url is None:
        raise SettingError(f"{service.upper()}_DATABASE_URL", "is not set, and neither is DATABASE_URL")
    parts = urlsplit(settings.database_url)
    role = f"kiosk_{service}"
    password = role_password(settings.database_url, role)
    userinfo = role if password is None else f"{role}:{quote(password)}"
    netloc = f"{userinfo}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=netloc))


async def _keep_session(_connection: Any) -> None:
    """Our code leaves no session state behind, so a returned connection needs no RESET round trip
    (a third of a list page's database time)."""


class Pool(Database):
    """The pool of `databases` with its pulse."""

    def __init__(self, url: str, settings: DatabaseSettings, *, pool_max: int, name: str) -> None:
        self._connects = asyncio.Semaphore(_CONNECTS_AT_ONCE)
        self._connect_options: dict[str, Any] = {}  # as the pool gives them
        self.lock_seconds = settings.database_lock_timeout_seconds
        options = _connection_options(settings, name)
        super().__init__(
            url, min_size=0, max_size=pool_max, reset=_keep_session, connect=self._connect_in_turn, **options
        )
        self.pulse = Pulse(
            name,
            self._knock,
            self.expire,
            after_seconds=settings.database_pulse_after_seconds,
            patience_seconds=settings.database_pulse_seconds,
            gauge=metrics.db_pool_away.labels(name),
        )

    async def disconnect(self) -> None:
        """A server that has fallen silent would not confirm the end of a session: cut after a moment."""
        self.pulse.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await super().disconnect()

    async def expire(self) -> None:
        """Has every connection replaced when it is next asked for."""
        if (pool := self._pool) is not None:
            await pool.expire_connections()

    def count(self, state: str) -> float:
        """Connections that are `idle` or `busy`; 0 before the pool is connected."""
        if self._pool is None:
            return 0.0
        idle = self._pool.get_idle_size()
        return float(idle if state == "idle" else self._pool.get_size() - idle)

    @property
    def _pool(self) -> Any:
        """The pool behind `databases`, which does not show it."""
        return getattr(self._backend, "_pool", None)

    async def _connect_in_turn(self, _dsn: None, **options: Any) -> asyncpg.Connection:
        """Few at a time: a server that has just come back is not overrun."""
        self._connect_options = options
        async with self._connects:
            return await asyncpg.connect(**options)

    async def _knock(self) -> None:
        """Asks on a connection that lies idle and on a new one. Either's answer is a sign of life: on a
        starved machine a new session costs a hundred times as much, behind a new server only that one leads
        anywhere."""
        idle, anew = asyncio.create_task(self._ask_idle()), asyncio.create_task(self._ask_anew())
        try:
            await asyncio.wait({idle, anew}, return_when=asyncio.FIRST_COMPLETED)
            if not (idle.done() and idle.result()):
                await anew
        finally:
            idle.cancel()
            anew.cancel()

    async def _ask_idle(self) -> bool:
        """Whether there was a connection to ask on, and an answer."""
        pool = self._pool
        if pool is None or not pool.get_idle_size():
            return False
        asked = await pool.acquire()
        try:
            return bool(await asked.fetchval("SELECT true"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        except asyncio.CancelledError:
            asked.terminate()  # giving it back would wait for the server, too
            raise
        finally:
            await pool.release(asked)

    async def _ask_anew(self) -> None:
        knocking = await asyncpg.connect(**self._connect_options)
        try:
            await knocking.fetchval("SELECT 1")
        finally:
            knocking.terminate()  # a goodbye would be one more thing to wait for


def open_database(url: str, settings: DatabaseSettings, *, pool_max: int, name: str) -> Database:
    """A pool that connects lazily (`min_size=0`): a service can start while PostgreSQL is away."""
    database = Pool(url, settings, pool_max=pool_max, name=name)
    metrics.db_pool_connections_max.labels(name).set(pool_max)
    for state in ("idle", "busy"):
        metrics.db_pool_connections.labels(name, state).set_function(partial(database.count, state))
    return database


def _connection_options(settings: DatabaseSettings, name: str) -> dict[str, Any]:
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    lock_ms = int(settings.database_lock_timeout_seconds * 1000)
    return {
        "timeout": settings.database_connect_timeout_seconds,
        "command_timeout": settings.database_statement_timeout_seconds + 0.5,
        "server_settings": {
            "application_name": f"kiosk-{name}",
            "statement_timeout": str(statement_ms),
            "lock_timeout": str(lock_ms),
            "idle_in_transaction_session_timeout": str(statement_ms * 2),
            "timezone": "UTC",
            # Short questions on few cores: neither pays, both surprise.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
        },
    }


@asynccontextmanager
async def connection(
    database: Database, timeout_seconds: float = 1.0, *, resting: bool = False
) -> AsyncIterator[Connection]:
    """Lends this task's raw asyncpg connection, waiting at most `timeout_seconds` for one (less when
    the caller's deadline is nearer). Who has waited long for it waits the less for a lock, so that both
    together take no longer (nor than DATABASE_LOCK_TIMEOUT_SECONDS, if that is more). `resting` is for who
    holds it for long without asking, to listen.
    Raises DatabaseUnavailable when there is none, when it is lost on the way, when a statement outlives
    its timeout; and at once while the server is away."""
    assert isinstance(database, Pool)
    pulse = database.pulse
    pulse.admit(partial(database.count, "idle"))
    context = current_request.get()
    begun = time.monotonic()
    wait = timeout_seconds if context is None else context.seconds_left(timeout_seconds)
    if wait <= 0:  # nobody waits for what would be done now
        raise DatabaseUnavailable("The time for this request is over")
    lent = database.connection()
    patience = asyncio.timeout(wait)
    stay, answered = pulse.enter(partial(cut_short, patience)), False
    try:
        try:
            async with patience:
                await lent.__aenter__()
        except _AWAY as error:
            pulse.failed_to_connect(error)
            raise DatabaseUnavailable() from error
        raw: Connection = lent.raw_connection
        stay.cut, stay.resting = partial(_abandon, raw), resting
        patience_left = _lock_patience(time.monotonic() - begun, timeout_seconds, database.lock_seconds)
        try:
            async with _locks_within(raw, patience_left):
                yield raw
            answered = True
        except _AWAY as error:
            if isinstance(error, TimeoutError):
                _abandon(raw)
            if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                await database.expire()  # the server that may be written to is another one now
            raise DatabaseUnavailable() from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            if _is_lost(raw):
                raise DatabaseUnavailable() from error
            raise
        finally:
            await _give_back(lent, raw)
    finally:
        pulse.leave(stay, answered=answered)


def _lock_patience(waited: float, timeout_seconds: float, lock_seconds: float) -> float | None:
    """Seconds that may still be waited for a lock, None where it is as many as ever."""
    left = max(_LOCK_MIN_SECONDS, max(timeout_seconds, lock_seconds) - waited)
    return left if waited > _WAIT_UNNOTICED_SECONDS and left < lock_seconds else None


@asynccontextmanager
async def _locks_within(raw: Connection, seconds: float | None) -> AsyncIterator[None]:
    """The session as it was afterwards, or no session."""
    if seconds is None:
        yield
        return
    try:
        await raw.execute("SELECT set_config('lock_timeout', $1, false)", f"{round(seconds * 1000)}ms")
        yield
    except TimeoutError:  # the statement may be running still
        _abandon(raw)
        raise
    finally:
        if not _is_lost(raw):
            try:
                await raw.execute("RESET lock_timeout")
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # instead of what is under way
                _abandon(raw)


async def _give_back(lent: Any, raw: Connection) -> None:
    try:
        await lent.__aexit__()
    except asyncpg.InternalClientError:  # lost while its task was cancelled, it is back in the pool already
        if not _is_lost(raw):
            raise


def _abandon(raw: Connection) -> None:
    """Cuts a connection whose server has fallen silent. Giving it back would first wait for the server
    to confirm that the statement is cancelled, which a frozen one never does."""
    if not _is_lost(raw):
        raw.terminate()


def _is_lost(raw: Connection) -> bool:
    """Also of a connection that died between two statements: asyncpg has taken it from its proxy by
    then, and even asking it raises."""
    try:
        return bool(raw.is_closed())
    except asyncpg.InterfaceError:
        return True


@asynccontextmanager
async def transaction(database: Database, timeout_seconds: float = 1.0) -> AsyncIterator[Connection]:
    """As `connection()`, inside one transaction: commits at the end, rolls back on any error."""
    async with connection(database, timeout_seconds) as raw:
        work = raw.transaction()
        await work.start()
        try:
            yield raw
        except TimeoutError:
            _abandon(raw)  # the server rolls back what it hears no more of
            raise
        except BaseException:
            await work.rollback()
            raise
        await work.commit()
