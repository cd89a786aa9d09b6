"""`python -m ops.migrate` brings a database to this release: roles first, then each service's
migrations, as the owner (`DATABASE_URL`). It may be run again, and two runs at once take turns.
`--status` only tells what is applied; `--needs-connections N` refuses to begin where the server allows less.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg

from ops import dbmate, roles
from ops.console import OperatorError, say, step
from ops.roles import SCHEMAS, Owner
from services.settings import DatabaseSettings, SettingError

LOCK = 0x6B696F736B  # "kiosk"; PostgreSQL's advisory locks are numbers
CONNECT_TIMEOUT_SECONDS = 10.0
_TURN_SECONDS = 0.2
POSTGRES_MAJOR_MIN = 18  # uuidv7()
CONNECTIONS_RESERVED = 10  # of max_connections: for the owner, backups, and PostgreSQL's own three

_HALF_MADE_INDEXES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname = $1
  AND c.oid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
"""


def address_of(url: str) -> str:
    """Where a database is, without its secrets: `host:port/name` or `socket folder/name`."""
    parts = urlsplit(url)
    socket_folder = parse_qs(parts.query).get("host", ["localhost"])[-1]
    host = parts.netloc.rpartition("@")[2] or socket_folder
    return f"{host}{parts.path}"


@asynccontextmanager
async def owner_of(url: str) -> AsyncIterator[Owner]:
    """A connection as the owner. Raises OperatorError when there is none to be had."""
    patient = {"statement_timeout": "0", "lock_timeout": "0"}  # a lock may be waited for
    told = {"application_name": "kiosk-migrate", **patient}
    try:
        owner = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=told)
    except TimeoutError:
        reason = f"no answer in {CONNECT_TIMEOUT_SECONDS:.0f} s"
        raise OperatorError(f"cannot reach PostgreSQL at {address_of(url)}: {reason}") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise OperatorError(f"cannot reach PostgreSQL at {address_of(url)}: {error}") from None
    try:
        yield owner
    finally:
        await owner.close()


@asynccontextmanager
async def turn(owner: Owner) -> AsyncIterator[None]:
    """Lets one migration run at a time; the lock ends with the connection, whatever happens. Who waits
    asks again and again: a statement that waits for the lock has a snapshot, and the other run's CREATE
    INDEX CONCURRENTLY would wait for that for ever."""
    ask = "SELECT pg_try_advisory_lock($1)"
    if not await owner.fetchval(ask, LOCK):
        with step("waited for another migration"):
            while not await owner.fetchval(ask, LOCK):  # noqa: ASYNC110  # nobody could set an event
                await asyncio.sleep(_TURN_SECONDS)
    yield


async def migrate(settings: DatabaseSettings, needs_connections: int = 0) -> None:
    """Roles, grants and every shipped migration. `needs_connections` is what all services together may
    open. Raises OperatorError with one line."""
    url = _owner_url(settings)
    async with owner_of(url) as owner, turn(owner):
        major = owner.get_server_version().major
        if major < POSTGRES_MAJOR_MIN:
            where = address_of(url)
            raise OperatorError(f"PostgreSQL {POSTGRES_MAJOR_MIN} is needed, {where} is PostgreSQL {major}")
        await _check_connections(owner, needs_connections)
        await roles.open_up(owner, settings)
        encrypted = await owner.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        for service in SCHEMAS:
            if dbmate.migration_files(service):
                await _drop_half_made_indexes(owner, service)
                await _migrate_service(service, dbmate.dbmate_url(url, encrypted=bool(encrypted)))
        await roles.close_down(owner)


async def _check_connections(owner: Owner, needed: int) -> None:
    allowed = int(await owner.fetchval("SHOW max_connections"))
    if needed > allowed - CONNECTIONS_RESERVED:
        raise OperatorError(
            f"all services together may open {needed} connections, PostgreSQL allows {allowed} (and "
            f"{CONNECTIONS_RESERVED} are for its owner): raise max_connections there, or lower "
            "DATABASE_POOL_MAX or the replicas"
        )


async def _drop_half_made_indexes(owner: Owner, service: str) -> None:
    """What CREATE or DROP INDEX CONCURRENTLY leaves behind when it is interrupted: such an index serves
    nobody, and has the name that the next run needs. Those that are being built just now are left alone."""
    for index in await owner.fetch(_HALF_MADE_INDEXES, service):
        await owner.execute(f"DROP INDEX CONCURRENTLY {index['name']}")


async def _migrate_service(service: str, url: str) -> None:
    files = 0

    def applied(file: str, time_taken: str) -> None:
        nonlocal files
        files += 1
        say(f"    {service}/{file}  {time_taken}")

    with step(f"migrations of {service}"):
        await dbmate.apply(service, url, applied)


async def status(settings: DatabaseSettings) -> None:
    """One line per service: how many of its migrations are applied, and which are not."""
    async with owner_of(_owner_url(settings)) as owner:
        for service in SCHEMAS:
            shipped = dbmate.migration_files(service)
            applied = await _applied_versions(owner, service)
            pending = [file for file in shipped if file.partition("_")[0] not in applied]
            newer = applied - {file.partition("_")[0] for file in shipped}
            words = [f"{len(shipped) - len(pending)} of {len(shipped)} applied"]
            words += [f"pending: {', '.join(pending)}"] if pending else []
            words += [f"of a newer release: {', '.join(sorted(newer))}"] if newer else []
            say(f"  {service:<10}{'; '.join(words)}")


async def _applied_versions(owner: Owner, service: str) -> set[str]:
    table = f"{service}.schema_migrations"
    if await owner.fetchval("SELECT to_regclass($1)", table) is None:
        return set()
    return {row["version"] for row in await owner.fetch(f"SELECT version FROM {table}")}  # noqa: S608


def _owner_url(settings: DatabaseSettings) -> str:
    if settings.database_url is None:
        raise SettingError("DATABASE_URL", "is not set: migrations run as the owner of the database")
    return settings.database_url


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.migrate", description="Migrate the database.")
    parser.add_argument("--status", action="store_true", help="tell what is applied, change nothing")
    parser.add_argument("--needs-connections", type=int, default=0, help="refuse where there are less")
    chosen = parser.parse_args()
    settings = DatabaseSettings.read()
    try:
        asyncio.run(status(settings) if chosen.status else migrate(settings, chosen.needs_connections))
    except KeyboardInterrupt:
        raise OperatorError("interrupted; migrate again to finish") from None


if __name__ == "__main__":
    main()
