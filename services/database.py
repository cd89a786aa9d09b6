"""PostgreSQL: one pool per role, lent out with a deadline.

`databases` owns pool and transactions; statements run on its raw asyncpg connection, which is as
fast as asyncpg alone. Its pool would wait forever for a free connection, so `connection()` and
`transaction()` are the only ways in. Inside them use `asyncio.timeout` only: `wait_for`, `gather`
and new tasks would run on another connection of the task-local map.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from services import metrics
from services.errors import DatabaseUnavailable
from services.request_context import current_request
from services.settings import DatabaseSettings, SettingError

Connection = PoolConnectionProxy

_AWAY = (
    OSError,  # and TimeoutError, which is one
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
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


def open_database(url: str, settings: DatabaseSettings, *, pool_max: int, name: str) -> Database:
    """A pool that connects lazily (`min_size=0`): a service can start while PostgreSQL is away."""
    database = _open(url, settings, pool_max, name)
    for state in ("idle", "busy"):
        count = partial(_pool_count, database, state)
        metrics.db_pool_connections.labels(name, state).set_function(count)
    return database


def _pool_count(database: Database, state: str) -> float:
    """Of the pool behind `databases`, which does not show it; 0 before it is connected."""
    pool = getattr(database._backend, "_pool", None)
    if pool is None:
        return 0.0
    idle = pool.get_idle_size()
    return float(idle if state == "idle" else pool.get_size() - idle)


def _open(url: str, settings: DatabaseSettings, pool_max: int, name: str) -> Database:
    statement_ms = int(settings.database_statement_timeout_seconds * 1000)
    lock_ms = int(settings.database_lock_timeout_seconds * 1000)
    return Database(
        url,
        min_size=0,
        max_size=pool_max,
        timeout=settings.database_connect_timeout_seconds,
        command_timeout=settings.database_statement_timeout_seconds + 0.5,
        reset=_keep_session,
        server_settings={
            "application_name": f"kiosk-{name}",
            "statement_timeout": str(statement_ms),
            "lock_timeout": str(lock_ms),
            "idle_in_transaction_session_timeout": str(statement_ms * 2),
            "timezone": "UTC",
            # Short questions on few cores: neither pays, both surprise.
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
        },
    )


@asynccontextmanager
async def connection(database: Database, timeout_seconds: float = 1.0) -> AsyncIterator[Connection]:
    """Lends this task's raw asyncpg connection, waiting at most `timeout_seconds` for one (less when
    the caller's deadline is nearer). Raises DatabaseUnavailable when there is none, when it is lost
    on the way, or when a statement outlives its timeout."""
    context = current_request.get()
    wait = timeout_seconds if context is None else context.seconds_left(timeout_seconds)
    lent = database.connection()
    try:
        async with asyncio.timeout(wait):
            await lent.__aenter__()
    except _AWAY as error:
        raise DatabaseUnavailable() from error
    raw: Connection = lent.raw_connection
    try:
        yield raw
    except _AWAY as error:
        if isinstance(error, TimeoutError):
            _abandon(raw)
        raise DatabaseUnavailable() from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if _is_lost(raw):
            raise DatabaseUnavailable() from error
        raise
    finally:
        try:
            await lent.__aexit__()
        except (
            asyncpg.InternalClientError
        ):  # lost while its task was cancelled, it is back in the pool already
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
