"""Backups and what is made of them again, on a real PostgreSQL; the docker around it is another test's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from ops.console import OperatorError
from ops.deploy import backup, restore
from ops.deploy.backup import tables_in, write_backup
from ops.deploy.database import Programs, accessory_owner, remote_owner
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.restore import Names, names_of, read_in, take_its_place
from ops.local.postgres import TemporaryPostgres
from ops.roles import ROLES
from tests.ops.deploy.destinations import CANARY, destination

RUNTIME = ", ".join(f"kiosk_{role}" for role in ROLES)
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def database(postgres: TemporaryPostgres, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(postgres.cluster.programs), prepend=":")
    return _programs(database_url)


def _programs(url: str) -> Programs:
    chosen = Destination("test", Path(".env.test"), {"DATABASE_URL": url, "ACCESSORIES": "none"})
    return Programs(Docker(), remote_owner(chosen), None)


@pytest.fixture
async def names(database: Programs, database_url: str) -> AsyncIterator[Names]:
    chosen = names_of(database.owner.database, NOON)
    yield chosen
    for name in (chosen.incoming, chosen.before):
        owner = await asyncpg.connect(urlsplit(database_url)._replace(path="/postgres").geturl())
        await owner.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await owner.close()


def _stock(database: Programs) -> list[str]:
    return database.sql("SELECT sku, delta FROM checkout.stock_movements ORDER BY id;")


def _add_stock(database: Programs, sku: str) -> None:
    row = "INSERT INTO checkout.stock_movements (sku, delta, kind) VALUES (:'sku', 3, 'adjustment');"
    database.sql(row, sku=sku)


def _cut(whole: Path, cut: Path) -> None:
    """The first half: pg_dump may repeat the list of contents at the end, which nobody would miss."""
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2 - 500])


async def test_a_backup_brings_back_what_was(database: Programs, names: Names, tmp_path: Path) -> None:
    file = tmp_path / "some" / "shop.dump"
    _add_stock(database, "A")
    assert write_backup(database, file) > 10
    _add_stock(database, "B")
    read_in(database, file, names)
    assert _stock(database) == ["A|3", "B|3"]
    take_its_place(database, names)
    assert _stock(database) == ["A|3"]
    kept = database.sql("SELECT sku FROM checkout.stock_movements ORDER BY id;", database=names.before)
    assert kept == ["A", "B"]


async def test_connections_of_services_are_ended(
    database: Programs, names: Names, database_url: str, tmp_path: Path
) -> None:
    write_backup(database, tmp_path / "shop.dump")
    read_in(database, tmp_path / "shop.dump", names)
    service = await asyncpg.connect(database_url)
    take_its_place(database, names)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await service.fetchval("SELECT 1")
    service.terminate()
    assert database.sql("SELECT 1;") == ["1"]


async def test_grants_come_back_with_the_tables(database: Programs, names: Names, tmp_path: Path) -> None:
    write_backup(database, tmp_path / "shop.dump")
    read_in(database, tmp_path / "shop.dump", names)
    asked = "SELECT has_table_privilege('kiosk_checkout', 'checkout.orders', 'INSERT');"
    assert database.sql(asked, database=names.incoming) == ["t"]


async def test_a_backup_comes_back_where_the_owner_has_another_name(
    own_postgres: TemporaryPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As staging may have it. Grants come with the tables, those for later tables by `ops.migrate`."""
    monkeypatch.setenv("PATH", str(own_postgres.cluster.programs), prepend=":")
    there = _programs(own_postgres.url)
    file, names = tmp_path / "shop.dump", names_of(there.owner.database, NOON)
    _add_stock(there, "A")
    write_backup(there, file)
    there.sql(
        f"CREATE ROLE landlord LOGIN CREATEDB CREATEROLE; GRANT {RUNTIME} TO landlord WITH ADMIN OPTION;"
    )
    incoming = urlsplit(own_postgres.url)._replace(path=f"/{names.incoming}")
    url = incoming._replace(netloc=f"landlord@{incoming.netloc.rpartition('@')[2]}").geturl()
    here = _programs(url)
    read_in(here, file, names)
    assert _stock(here) == ["A|3"]
    assert here.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'checkout';") == [
        "landlord"
    ]
    subprocess.run([sys.executable, "-m", "ops.migrate"], check=True, env={**os.environ, "DATABASE_URL": url})
    here.sql("CREATE TABLE checkout.later (id int);")
    for table in ("orders", "later"):
        asked = f"SELECT has_table_privilege('kiosk_checkout', 'checkout.{table}', 'INSERT');"
        assert here.sql(asked) == ["t"]


async def test_a_restore_leaves_no_list_behind(
    database: Programs, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_backup(database, tmp_path / "shop.dump")
    lists = tmp_path / "lists"
    lists.mkdir()
    monkeypatch.setenv("TMPDIR", str(lists))
    read_in(database, tmp_path / "shop.dump", names)
    assert list(lists.iterdir()) == []


async def test_what_fails_in_between_leaves_the_old_database(
    database: Programs, names: Names, tmp_path: Path
) -> None:
    write_backup(database, tmp_path / "shop.dump")
    with pytest.raises(OperatorError, match="does not exist"):
        take_its_place(database, names)  # nothing was read in
    assert _stock(database) == []
    _cut(tmp_path / "shop.dump", tmp_path / "cut.dump")
    with pytest.raises(OperatorError, match="pg_restore"):
        read_in(database, tmp_path / "cut.dump", names)
    asked = "SELECT count(*) FROM pg_database WHERE datname = :'incoming';"
    assert database.sql(asked, incoming=names.incoming) == ["0"]


async def test_a_backup_that_was_cut_off_is_no_backup(database: Programs, tmp_path: Path) -> None:
    whole, cut = tmp_path / "shop.dump", tmp_path / "cut.dump"
    write_backup(database, whole)
    _cut(whole, cut)
    with pytest.raises(OperatorError, match=r"cut.dump is not a whole backup"):
        tables_in(database, cut)
    with pytest.raises(OperatorError, match=r"there is no file .*other.dump"):
        tables_in(database, tmp_path / "other.dump")


async def test_a_backup_is_private_and_never_written_over(database: Programs, tmp_path: Path) -> None:
    file = tmp_path / "shop.dump"
    write_backup(database, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(OperatorError, match="never written over"):
        write_backup(database, file)


async def test_a_backup_that_fails_leaves_no_file(database: Programs, tmp_path: Path) -> None:
    gone = {**database.owner.variables, "PGDATABASE": "nowhere"}
    elsewhere = Programs(Docker(), type(database.owner)("kiosk", "nowhere", gone), None)
    with pytest.raises(OperatorError, match=r'pg_dump: .*"nowhere" does not exist'):
        write_backup(elsewhere, tmp_path / "shop.dump")
    assert list(tmp_path.iterdir()) == []


def test_the_password_goes_by_the_environment_and_not_at_all_into_the_container() -> None:
    chosen = destination(DATABASE_URL="postgresql://kiosk:pass%2Fword@db.example:6432/shop?sslmode=require")
    variables = dict(remote_owner(chosen).variables)
    assert variables.pop("PGPASSWORD") == "pass/word"
    assert variables == {
        "PGUSER": "kiosk",
        "PGDATABASE": "shop",
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGSSLMODE": "require",
    }
    assert CANARY not in str(accessory_owner(destination()).variables)
    assert "pass/word" not in repr(Programs(Docker(), remote_owner(chosen), None))


def test_names_stay_within_what_postgres_takes() -> None:
    assert names_of("shop", NOON) == Names(
        "shop", "shop_restored_20260102_120000", "shop_before_20260102_120000"
    )
    assert len(names_of("x" * 63, NOON).incoming) == 63


def test_the_default_name_tells_which_store_and_when() -> None:
    file = backup.default_file(destination(), NOON)
    assert file.name == "kiosk-test-20260102-120000.dump"


def test_what_a_restore_would_do_is_told_first() -> None:
    lines = restore.intention(Path("shop.dump"), names_of("shop", NOON), 12, destination())
    assert "12 tables" in lines[0]
    assert any("written since the backup" in line for line in lines)
