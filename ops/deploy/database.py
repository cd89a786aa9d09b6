"""The destination's database, reached with PostgreSQL's own programs as its owner.

Of the accessory they are those in its container, by its socket; of a server elsewhere those of this
machine. Passwords go by the environment, so no list of processes shows them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import parse_qs, unquote, urlsplit

from ops.console import OperatorError
from ops.deploy.accessories import accessories_of
from ops.deploy.addressee import addressee
from ops.deploy.containers import container_of
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker

# Where the official image's server listens; whoever may enter its container is the owner there.
_SOCKET_FOLDER = "/var/run/postgresql"
# What a URL may say besides, as libpq's own variables.
_PARAMETERS = {
    "host": "PGHOST",
    "port": "PGPORT",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "channel_binding": "PGCHANNELBINDING",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "options": "PGOPTIONS",
}
_ERROR_LINES = 5


@dataclass(frozen=True, slots=True)
class Owner:
    """`variables` are libpq's: PGUSER, PGDATABASE, ... One of a server elsewhere holds its password."""

    name: str
    database: str
    variables: Mapping[str, str] = field(repr=False)


def accessory_owner(destination: Destination) -> Owner:
    """Who owns the accessory's database, as seen in its container. Raises OperatorError."""
    owner = remote_owner(destination)
    variables = {"PGHOST": _SOCKET_FOLDER, "PGUSER": owner.name, "PGDATABASE": owner.database}
    return Owner(owner.name, owner.database, variables)


def remote_owner(destination: Destination) -> Owner:
    """Who DATABASE_URL names. Raises OperatorError."""
    url = destination.value("DATABASE_URL")
    parts = urlsplit(url or "")
    name, database = unquote(parts.username or ""), unquote(parts.path.lstrip("/"))
    if not name or not database:
        raise OperatorError(f"{destination.file.name}: DATABASE_URL has to name the owner and the database")
    variables = {"PGUSER": name, "PGDATABASE": database}
    if parts.hostname:
        variables["PGHOST"] = parts.hostname
    if parts.port:
        variables["PGPORT"] = str(parts.port)
    if parts.password is not None:
        variables["PGPASSWORD"] = unquote(parts.password)
    for parameter, values in parse_qs(parts.query).items():
        if parameter in _PARAMETERS:
            variables[_PARAMETERS[parameter]] = values[-1]
    return Owner(name, database, variables)


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs as the owner; those of `container`, or without one this machine's."""

    docker: Docker
    owner: Owner
    container: str | None

    def run(
        self,
        program: str,
        *arguments: str,
        reads: Path | None = None,
        writes: Path | None = None,
        given: str | None = None,
        database: str | None = None,
    ) -> str:
        """What a program printed; nothing where that goes into the file it `writes`. Its input is the file
        it `reads`, or the text `given`. `database`: another one than the owner's. Raises OperatorError
        with what it said last."""
        variables = {**self.owner.variables, "PGDATABASE": database or self.owner.database}
        command, environment = self._reached(variables)
        with ExitStack() as files:
            source = files.enter_context(_input(reads, given))
            target = subprocess.PIPE if writes is None else files.enter_context(writes.open("wb"))
            try:
                done = subprocess.run(
                    [*command, program, *arguments],
                    check=False,
                    stdin=source,
                    stdout=target,
                    stderr=subprocess.PIPE,
                    env={**os.environ, **environment},
                )
            except FileNotFoundError as error:
                raise OperatorError(f"{error.filename} is not installed here") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-_ERROR_LINES:]
            raise OperatorError(f"{program}: {' '.join(said) or f'exit code {done.returncode}'}")
        return done.stdout.decode(errors="replace") if done.stdout else ""

    def sql(self, script: str, *, database: str | None = None, **variables: str) -> list[str]:
        """Runs statements one after the other, up to the first that fails; their rows, unaligned. In the
        script `:"name"` and `:'name'` stand for variables, quoted by psql. Raises OperatorError."""
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        options += [f"--set={name}={value}" for name, value in variables.items()]
        return self.run("psql", *options, given=script, database=database).split("\n")[:-1]

    def _reached(self, variables: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
        if self.container is None:
            return [], variables
        options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        exec_there = [self.docker.program, "exec", "--interactive", *options, self.container]
        return exec_there, self.docker.environment


def programs(docker: Docker, destination: Destination, command: str) -> Programs:
    """How to reach the destination's database from here; `command` is what the operator is to give on
    another node where PostgreSQL runs there. Raises OperatorError that says what is missing."""
    if "postgres" in accessories_of(destination):
        container = container_of(docker, addressee(destination, "postgres"), command)
        return Programs(docker, accessory_owner(destination), container)
    for program in ("pg_dump", "pg_restore", "psql"):
        if shutil.which(program) is None:
            raise OperatorError(
                f"{program} is not installed here, and PostgreSQL is no accessory of {destination.name}: "
                "install PostgreSQL's client programs, as new as the server (postgresql-client)"
            )
    return Programs(docker, remote_owner(destination), None)


@contextmanager
def _input(reads: Path | None, given: str | None) -> Iterator[IO[bytes]]:
    if reads is not None:
        with reads.open("rb") as file:
            yield file
        return
    with TemporaryFile() as file:
        file.write((given or "").encode())
        file.seek(0)
        yield file
