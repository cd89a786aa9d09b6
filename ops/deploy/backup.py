"""`make backup`: the whole database into one local file, which is read again from end to end."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from ops.console import OperatorError, say, step, took
from ops.deploy.database import Programs, programs
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker
from ops.deploy.settings import RolloutSettings
from ops.deploy.verb import Verb

FOLDER = ROOT / "backups"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, help="where to; default: backups/STACK-DESTINATION-TIME.dump")


def backup(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Takes no lock, so that it may run beside everything, and from a hook of a deploy. Raises
    OperatorError; then there is no file of that name."""
    file = arguments.file or default_file(destination, datetime.now(UTC))
    command = f"make backup TO={destination.name}"
    started = time.monotonic()
    tables = write_backup(programs(docker, destination, command), file)
    size = megabytes(file.stat().st_size)
    say(f"\n  {file}: {size}, {tables} tables, {took(time.monotonic() - started)}")
    say(f"  Back with it: make restore FILE={file} TO={destination.name}")


def write_backup(database: Programs, file: Path) -> int:
    """How many tables it holds. The file has its name only when it is complete and was read again; it can
    be read by its owner alone, for it holds addresses of people. Raises OperatorError."""
    if file.exists():
        raise OperatorError(f"{file} exists: choose another FILE=, a backup is never written over")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(file.name + ".unfinished")
        os.close(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    except OSError as error:
        raise OperatorError(f"{error.filename}: {error.strerror}: choose another FILE=") from None
    try:
        with step(f"pg_dump of {database.owner.database}"):
            database.run("pg_dump", "--format=custom", "--no-password", writes=unfinished)
        with step("read it again"):
            tables = tables_in(database, unfinished)
    except BaseException:
        unfinished.unlink()
        raise
    unfinished.rename(file)
    return tables


def tables_in(database: Programs, file: Path) -> int:
    """How many tables with rows a backup holds. Reads all of it, not only the list at its beginning: a
    file that was cut off has that too. Raises OperatorError when it is no whole backup."""
    if not file.is_file():
        raise OperatorError(f"there is no file {file}")
    try:
        listed = database.run("pg_restore", "--list", reads=file)
        database.run("pg_restore", "--file=/dev/null", reads=file)
    except OperatorError as error:
        raise OperatorError(f"{file} is not a whole backup: {str(error).removeprefix('kiosk: ')}") from None
    return sum(" TABLE DATA " in line for line in listed.splitlines())


def default_file(destination: Destination, time_utc: datetime) -> Path:
    stack = destination.read(RolloutSettings).stack
    return FOLDER / f"{stack}-{destination.name}-{time_utc:%Y%m%d-%H%M%S}.dump"


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


VERB = Verb("backup", "the database into a local file: FILE=", backup, add_arguments)
