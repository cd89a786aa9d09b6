"""PostgreSQL: one pool per role, lent out with a deadline.

`databases` owns pool and transactions; statements run on its raw asyncpg connection, which is as
fast as asyncpg alone. Its pool would wait forever for a free connection, so `connection()` and
`transaction()` are the only ways in. Inside them use `asyncio.timeout` only: `wait_for`, `gather`
and new tasks would run on another connection of the task-local map.

Each pool (`database_pool.py`) has a pulse (`database_pulse.py`): while the server is away, or silent,
everybody is refused at once, and the pool comes back by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from services import metrics
from services.database_pool import Pool
from services.database_pulse import cut_short
from services.database_url import check_url
from services.errors import DatabaseUnavailable
from services.request_context import current_request
from services.settings import DatabaseSettings, SettingError

Connection = PoolConnectionProxy
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


def open_database(url: str, settings: DatabaseSettings, *, pool_max: int, name: str) -> Database:
    """A pool that connects lazily (`min_size=0`): a service can start while PostgreSQL is away. Raises
    SettingError where the URL says what can't be obeyed."""
    check_url(url, settings)
    database = Pool(url, settings, pool_max=pool_max, name=name)
    metrics.db_pool_connections_max.labels(name).set(pool_max)
    for state in ("idle", "busy"):
        metrics.db_pool_connections.labels(name, state).set_function(partial(database.count, state))
    return database


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
    pulse.admit()
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
        except (*_AWAY, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
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
            await _give_back(database, lent, raw)
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
            except BaseException as error:
                _abandon(raw)
                if not isinstance(error, Exception):  # else what is under way goes on
                    raise


async def _give_back(database: Database, lent: Any, raw: Connection) -> None:
    try:
        await lent.__aexit__()
    except asyncpg.InternalClientError:  # lost in this very moment, it is back in the pool already
        if not _is_lost(raw):
            raise
    finally:
        if not lent._connection_counter:
            # The pool takes it back whatever happens, but `databases` forgets it only if nothing has:
            # this task would for ever be told that it has one already.
            database._connection = None


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
