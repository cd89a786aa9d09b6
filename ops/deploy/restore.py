"""`make restore FILE= CONFIRM=yes`: the database as it was when a backup was made.

The backup is read into a new database first, and takes the old one's place by its name: whatever goes
wrong before leaves the old one as it was, and afterwards it is still there under another name.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.console import OperatorError, say, step
from ops.deploy import lock
from ops.deploy.backup import tables_in
from ops.deploy.database import Programs, programs
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.lock import Lock, LockLost
from ops.deploy.maintenance import Closed, close, closed, present_manifest, reopen
from ops.deploy.manifest import Manifest
from ops.deploy.one_shot import OneShotFailed, migrate
from ops.deploy.settings import RolloutSettings
from ops.deploy.verb import Verb

_NAME_MAX = 63  # of PostgreSQL
# Routes that we published without it could be older than those of whoever has it now.
_AFTER_THE_LOCK = "Look at what runs (make status), then open it: make maintenance off"
_ANYWHERE_ELSE = "postgres"  # the database to be connected to while ours changes its name

_TAKE_ITS_PLACE = """
ALTER DATABASE :"database_name" ALLOW_CONNECTIONS false;
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = :'database_name';
BEGIN;
ALTER DATABASE :"database_name" RENAME TO :"before";
ALTER DATABASE :"incoming" RENAME TO :"database_name";
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The database, the one that the backup is read into, and what the old one is called afterwards."""

    database: str
    incoming: str
    before: str


def names_of(database: str, time_utc: datetime) -> Names:
    stamp = f"{time_utc:%Y%m%d_%H%M%S}"
    short = database[: _NAME_MAX - len(f"_restored_{stamp}")]
    return Names(database, f"{short}_restored_{stamp}", f"{short}_before_{stamp}")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, required=True, help="what make backup wrote")
    parser.add_argument("--confirm", help="yes: do it; without, it only tells what it would do")


def restore(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError; it says whether the old database is still in its place."""
    file, stack = arguments.file, destination.read(RolloutSettings).stack
    command = f"make restore FILE={file} TO={destination.name}"
    database = programs(docker, destination, command)
    names = names_of(database.owner.database, datetime.now(UTC))
    with step(f"read {file.name}"):
        tables = tables_in(database, file)
    if arguments.confirm != "yes":
        for line in intention(file, names, tables, destination):
            say(line)
        raise OperatorError(f"nothing was changed. To do it: {command} CONFIRM=yes")
    with lock.held(docker, stack, lock.whoami(), f"restore {file.name}") as holding:
        _exchange(destination, database, names, file, holding)
    say(f'\n  {names.database} is what {file.name} holds. What was there before is "{names.before}";')
    say(f'  when nobody misses it: make shell SERVICE=postgres, then DROP DATABASE "{names.before}";')


def _exchange(destination: Destination, database: Programs, names: Names, file: Path, holding: Lock) -> None:
    """In a closed store. Raises OperatorError."""
    docker, stack = holding.docker, holding.stack
    # Not before we have the lock: whoever had it may have put another release there.
    manifest, was_open = present_manifest(docker, stack), closed(docker, stack) is None
    if was_open:
        with step("maintenance on"):
            said = "We are putting something right. Please come back in a few minutes."
            close(docker, destination, manifest, Closed(lock.now(), holding.holder.who, said))
    try:
        read_in(database, file, names)
        _still_ours(holding, database, names)
        take_its_place(database, names)
    except LockLost as error:
        raise OperatorError(
            f"{error}; {names.database} is as it was, and the store is closed. {_AFTER_THE_LOCK}"
        ) from None
    except BaseException:
        # Whatever it was, also Ctrl-C: the old database is in its place, so the store may go on.
        _open_again(holding, destination, manifest, was_open=was_open)
        raise
    _migrate(docker, destination, manifest)  # when this fails, the store stays closed
    _open_again(holding, destination, manifest, was_open=was_open)


def _still_ours(holding: Lock, database: Programs, names: Names) -> None:
    """Raises LockLost, and leaves nothing of the new database then."""
    try:
        holding.check()
    except LockLost:
        _apart(database, 'DROP DATABASE IF EXISTS :"incoming";', names)
        raise


def intention(file: Path, names: Names, tables: int, destination: Destination) -> list[str]:
    """What a restore would do, for the operator to decide."""
    return [
        f"  {file} holds {tables} tables. Restoring it at {destination.name} would",
        "  1. take the lock and close the store (make maintenance; webhooks are still accepted)",
        f"  2. read the backup into a new database {names.incoming}: needs that much disk",
        f"  3. end all connections and let it take the place of {names.database}:",
        "     what was written since the backup was made is then gone from the store",
        f"  4. keep the old one as {names.before}",
        "  5. bring roles, grants and migrations to the release that runs, and open the store",
    ]


def read_in(database: Programs, file: Path, names: Names) -> None:
    """Makes the new database. Raises OperatorError, and leaves nothing of it then."""
    with step(f"pg_restore into {names.incoming}"):
        _apart(database, 'CREATE DATABASE :"incoming" TEMPLATE template0;', names)
        try:
            whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-password")
            with _contents(database, file) as listed:
                chosen = (f"--use-list={listed}", "--dbname", names.incoming)
                database.run("pg_restore", *whole, *chosen, reads=file)
            database.sql("ANALYZE;", database=names.incoming)  # else the first queries are planned blindly
        except BaseException:
            _apart(database, 'DROP DATABASE IF EXISTS :"incoming";', names)
            raise


@contextmanager
def _contents(database: Programs, file: Path) -> Iterator[str]:
    """A file, where pg_restore runs, that lists what it is to restore: all but the default privileges.
    Those are the old owner's, whose name may be another here; the migration task gives the owner's own."""
    listed = database.run("pg_restore", "--list", reads=file)
    kept = [line for line in listed.splitlines(keepends=True) if " DEFAULT ACL " not in line]
    list_file = database.run("mktemp").strip()
    try:
        database.run("tee", list_file, given="".join(kept))
        yield list_file
    finally:
        database.run("rm", "-f", list_file)


def take_its_place(database: Programs, names: Names) -> None:
    """Both names change in one transaction. Nobody may be connected to the old database then. Raises
    OperatorError; then the old one is open again, and the new one gone."""
    with step("take its place"):
        try:
            _apart(database, _TAKE_ITS_PLACE, names)
        except BaseException:
            _apart(database, 'ALTER DATABASE :"database_name" ALLOW_CONNECTIONS true;', names)
            _apart(database, 'DROP DATABASE IF EXISTS :"incoming";', names)
            raise
        with suppress(OperatorError):  # for whoever wants to look into it; it can be dropped without
            _apart(database, 'ALTER DATABASE :"before" ALLOW_CONNECTIONS true;', names)


def _apart(database: Programs, script: str, names: Names) -> None:
    """Runs statements while connected to another database than ours."""
    told = {"incoming": names.incoming, "before": names.before}
    database.sql(script, database=_ANYWHERE_ELSE, database_name=names.database, **told)


def _migrate(docker: Docker, destination: Destination, manifest: Manifest) -> None:
    seconds = destination.read(RolloutSettings).migrate_timeout_seconds
    closed_still = "the store stays closed; when it is mended: make deploy, then make maintenance off"
    try:
        with step("roles, grants and migrations"):
            outcome = migrate(docker, manifest, timeout_seconds=seconds)
    except OneShotFailed as error:
        raise OperatorError(f"{error}; {closed_still}") from None
    if outcome.exit_code != 0:
        raise OperatorError(f"migrate: {' '.join(outcome.log[-3:])}; {closed_still}")


def _open_again(holding: Lock, destination: Destination, manifest: Manifest, *, was_open: bool) -> None:
    """Raises OperatorError, DockerError; then the store stays closed."""
    if not was_open:
        return
    try:
        holding.check()
    except LockLost as error:
        raise OperatorError(f"{error}; the store is closed still. {_AFTER_THE_LOCK}") from None
    with step("maintenance off"):
        reopen(holding.docker, destination, manifest)


VERB = Verb("restore", "the database from a backup: FILE= CONFIRM=yes", restore, add_arguments)
