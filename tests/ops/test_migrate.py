"""Roles and migrations: who may do what, and that two runs at once take turns."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from ops.dbmate import dbmate_url, migration_files
from ops.local.postgres import TemporaryPostgres, temporary_postgres
from ops.migrate import LOCK, address_of
from ops.roles import ROLES, SCHEMAS
from services.database import role_password, role_url
from services.settings import DatabaseSettings
from tests.conftest import ROOT

ALLOWED_VISITS = (
    {(f"kiosk_{name}", name) for name in SCHEMAS}
    | {(f"kiosk_{name}", "jobs") for name in ROLES}
    | {("kiosk_health", name) for name in SCHEMAS}  # views, and which migrations each has
)


def _migrate(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.migrate", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
    )


def _as_role(url: str, role: str, database: str | None = None) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{host}", path=database or parts.path))


@pytest.fixture(scope="module")
def fresh() -> Iterator[TemporaryPostgres]:
    """A server of its own: roles belong to a whole server."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture
async def empty_url(fresh: TemporaryPostgres) -> AsyncIterator[str]:
    """The owner's URL of a database in which nothing was done yet."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    owner = await asyncpg.connect(fresh.url)
    await owner.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(fresh.url)._replace(path=f"/{name}"))
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


async def _connect(url: str, role: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(_as_role(url, role))


@pytest.mark.parametrize("service", SCHEMAS)
async def test_a_role_works_with_the_rows_of_its_own_schema(database_url: str, service: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute(f"CREATE TABLE {service}.later (id int GENERATED ALWAYS AS IDENTITY, word text)")
    await owner.close()
    role = await _connect(database_url, f"kiosk_{service}")
    await role.execute(f"INSERT INTO {service}.later (word) VALUES ('a')")
    await role.execute(f"UPDATE {service}.later SET word = 'b'")
    assert await role.fetchval(f"SELECT word FROM {service}.later") == "b"
    await role.execute(f"DELETE FROM {service}.later")
    await role.close()


@pytest.mark.parametrize("name", ROLES)
async def test_a_role_cannot_touch_another_services_tables(database_url: str, name: str) -> None:
    role = await _connect(database_url, f"kiosk_{name}")
    tables = await role.fetch(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY ($1)",
        [schema for schema in SCHEMAS if schema != name],
    )
    assert tables
    # Which migrations there are is no secret from health, which tells it.
    seen = {f"{schema}.schema_migrations" for schema in SCHEMAS} if name == "health" else set()
    for table in tables:
        if table["name"] in seen:
            assert await role.fetch(f"SELECT version FROM {table['name']}")
        for statement in ("SELECT * FROM {}", "DELETE FROM {}", "TRUNCATE {}")[table["name"] in seen :]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement.format(table["name"]))
    await role.close()


@pytest.mark.parametrize("name", ROLES)
async def test_a_role_visits_no_schema_but_its_own_and_jobs(database_url: str, name: str) -> None:
    role = await _connect(database_url, f"kiosk_{name}")
    for schema in SCHEMAS:
        may = await role.fetchval("SELECT has_schema_privilege($1, 'USAGE')", schema)
        assert may == ((f"kiosk_{name}", schema) in ALLOWED_VISITS)
    await role.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE {schema}.mine (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "ALTER TABLE {schema}.schema_migrations ADD COLUMN mine int",
        "DROP TABLE {schema}.schema_migrations",
        "INSERT INTO {schema}.schema_migrations VALUES ('9999')",
        "DELETE FROM {schema}.schema_migrations",
    ],
)
async def test_a_role_changes_no_structure_and_claims_no_migration(database_url: str, statement: str) -> None:
    for name in ROLES:
        role = await _connect(database_url, f"kiosk_{name}")
        schema = name if name in SCHEMAS else "jobs"
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)):
            await role.execute(statement.format(schema=schema))
        await role.close()


async def test_a_role_makes_not_even_a_temporary_table(empty_url: str) -> None:
    assert _migrate(empty_url).returncode == 0
    role = await _connect(empty_url, "kiosk_catalog")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await role.execute("CREATE TEMPORARY TABLE mine (id int)")
    await role.close()


async def test_a_new_function_is_not_everyones(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("CREATE FUNCTION jobs.purge() RETURNS int LANGUAGE sql RETURN 1")
    assert _migrate(database_url).returncode == 0
    may = "SELECT has_function_privilege($1, 'jobs.purge()', 'EXECUTE')"
    assert await owner.fetchval(may, "kiosk_jobs")
    assert not await owner.fetchval(may, "kiosk_catalog")
    await owner.close()


async def test_a_service_reads_which_migrations_it_has(database_url: str) -> None:
    role = await _connect(database_url, "kiosk_catalog")
    versions = {row[0] for row in await role.fetch("SELECT version FROM catalog.schema_migrations")}
    assert versions == {file.partition("_")[0] for file in migration_files("catalog")}
    await role.close()


async def test_three_runs_at_once_take_turns(empty_url: str) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ops.migrate"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": empty_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    files = [f"{service}/{file}" for service in SCHEMAS for file in migration_files(service)]
    for file in files:
        assert sum(file in output for output in outputs) == 1


async def test_a_run_waits_for_the_one_before(empty_url: str) -> None:
    holder = await asyncpg.connect(empty_url)
    await holder.execute("SELECT pg_advisory_lock($1)", LOCK)
    command = [sys.executable, "-m", "ops.migrate"]
    told = {**os.environ, "DATABASE_URL": empty_url}
    waiting = subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.PIPE, text=True)
    asked = (
        "SELECT query_start FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE '%pg_try_advisory_lock%'"
    )
    times: set[object] = set()
    while len(times) < 3:
        times.update(row["query_start"] for row in await holder.fetch(asked))
        assert waiting.poll() is None
    assert await holder.fetchval("SELECT to_regnamespace('catalog') IS NULL")
    # What the run before does may wait for all who look at the database: not for this one.
    await holder.execute("SET statement_timeout = '20s'")
    await holder.execute("CREATE TABLE public.looked_at (id int)")
    await holder.execute("CREATE INDEX CONCURRENTLY ON public.looked_at (id)")
    await holder.execute("DROP TABLE public.looked_at")
    await holder.close()
    output, _ = waiting.communicate()
    assert waiting.returncode == 0
    assert "waited for another migration" in output


async def test_what_an_interrupted_run_left_of_an_index_is_made_anew(empty_url: str) -> None:
    """Halfway, without the word that it is done; or done, without that word."""
    assert _migrate(empty_url).returncode == 0
    owner = await asyncpg.connect(empty_url)
    await owner.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'jobs.jobs_ended'::regclass"
    )
    await owner.execute("DELETE FROM jobs.schema_migrations WHERE version BETWEEN '0006' AND '0012'")
    again = _migrate(empty_url)
    assert again.returncode == 0, again.stdout + again.stderr
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    assert await owner.fetch(invalid) == []
    assert await owner.fetchval("SELECT to_regclass('jobs.jobs_ended') IS NOT NULL")
    await owner.close()


async def test_passwords_are_derived_from_the_owners(fresh: TemporaryPostgres, empty_url: str) -> None:
    owner = await asyncpg.connect(fresh.url)
    await owner.execute("ALTER ROLE postgres PASSWORD 'p w/1%'")
    with_password = empty_url.replace("postgres@", "postgres:p%20w%2F1%25@")
    assert _migrate(with_password).returncode == 0
    for role in ROLES:
        url = role_url(DatabaseSettings.read({"DATABASE_URL": with_password}), role)
        assert urlsplit(url).password == role_password(with_password, f"kiosk_{role}")
        assert await owner.fetchval(
            "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = $1", f"kiosk_{role}"
        )
    await owner.close()


async def test_a_url_without_a_database_says_so(empty_url: str) -> None:
    done = _migrate(empty_url.replace("?", "x?"))
    assert done.returncode == 1
    assert done.stderr.startswith("kiosk: cannot reach PostgreSQL at ")
    assert done.stderr.count("\n") == 1


def test_no_url_at_all_names_the_variable() -> None:
    done = _migrate("")
    assert (done.returncode, done.stderr.startswith("kiosk: DATABASE_URL: is not set")) == (1, True)


@pytest.mark.parametrize(
    ("rights", "missing"),
    [
        ("", "Missing: GRANT CREATE ON DATABASE {database} TO {owner};"),
        ("GRANT CREATE ON DATABASE {database} TO {owner}", "Missing: ALTER ROLE {owner} CREATEROLE;"),
    ],
)
async def test_a_missing_grant_is_named_in_one_line(empty_url: str, rights: str, missing: str) -> None:
    database = urlsplit(empty_url).path[1:]
    owner = f"owner_{uuid.uuid4().hex[:8]}"
    server = await asyncpg.connect(empty_url)
    await server.execute(f"CREATE ROLE {owner} LOGIN")
    await server.execute(rights.format(database=database, owner=owner) or "SELECT 1")
    done = _migrate(_as_role(empty_url, owner))
    await server.execute(f"DROP OWNED BY {owner}")
    await server.execute(f"DROP ROLE {owner}")
    await server.close()
    assert done.returncode == 1
    assert done.stderr.endswith(missing.format(database=database, owner=owner) + "\n")
    assert done.stderr.count("\n") == 1


async def test_an_owner_that_is_no_superuser_is_enough() -> None:
    with temporary_postgres() as server:
        superuser = await asyncpg.connect(server.url)
        await superuser.execute("CREATE ROLE shop LOGIN CREATEROLE")
        await superuser.execute("CREATE DATABASE shop OWNER shop")
        await superuser.close()
        url = _as_role(server.url, "shop", "/shop")
        first, second = _migrate(url), _migrate(url)
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        role = await _connect(url, "kiosk_catalog")
        assert await role.fetchval("SELECT count(*) FROM catalog.products") == 0
        await role.close()


async def test_status_tells_what_is_pending_and_changes_nothing(empty_url: str) -> None:
    before = _migrate(empty_url, "--status")
    count = len(migration_files("catalog"))
    assert f"catalog   0 of {count} applied; pending: 0001_" in before.stdout
    assert _migrate(empty_url).returncode == 0
    assert f"catalog   {count} of {count} applied\n" in _migrate(empty_url, "--status").stdout


async def test_migrations_of_a_newer_release_are_left_alone(empty_url: str) -> None:
    assert _migrate(empty_url).returncode == 0
    owner = await asyncpg.connect(empty_url)
    await owner.execute("INSERT INTO catalog.schema_migrations VALUES ('9999')")
    assert _migrate(empty_url).returncode == 0
    assert "of a newer release: 9999" in _migrate(empty_url, "--status").stdout
    await owner.close()


def test_an_address_shows_no_password() -> None:
    assert address_of("postgresql://shop:secret@db:5432/kiosk") == "db:5432/kiosk"
    assert address_of("postgresql://postgres@/kiosk?host=/run/pg") == "/run/pg/kiosk"


@pytest.mark.parametrize(
    ("url", "encrypted", "expected"),
    [
        ("postgresql://a@db/k", True, "postgresql://a@db/k?sslmode=require"),
        ("postgresql://a@db/k", False, "postgresql://a@db/k?sslmode=disable"),
        ("postgresql://a@/k?host=/run/pg", False, "postgresql://a@/k?host=/run/pg&sslmode=disable"),
        ("postgresql://a@db/k?sslmode=prefer", True, "postgresql://a@db/k?sslmode=require"),
        ("postgresql://a@db/k?sslmode=verify-full", True, "postgresql://a@db/k?sslmode=verify-full"),
    ],
)
def test_dbmate_is_told_whether_the_connection_is_encrypted(url: str, encrypted: bool, expected: str) -> None:
    assert dbmate_url(url, encrypted=encrypted) == expected


async def test_a_server_with_too_few_connections_is_refused_before_anything_changes(empty_url: str) -> None:
    done = _migrate(empty_url, "--needs-connections", "100000")
    assert done.returncode == 1
    assert "may open 100000 connections, PostgreSQL allows" in done.stderr
    assert "0 of" in _migrate(empty_url, "--status").stdout
    assert _migrate(empty_url, "--needs-connections", "20").returncode == 0
