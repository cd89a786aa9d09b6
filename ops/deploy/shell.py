"""`make shell SERVICE=catalog`: a shell where a service runs; psql where PostgreSQL does."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from ops.console import OperatorError
from ops.deploy.addressee import addressee
from ops.deploy.containers import container_of
from ops.deploy.database import accessory_owner
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.verb import Verb


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", required=True, help="catalog, ... or postgres: psql")


def shell(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Becomes `docker exec` in a task of the service. Raises OperatorError."""
    wanted = addressee(destination, arguments.service)
    container = container_of(docker, wanted, f"make shell SERVICE={wanted.service} TO={destination.name}")
    command = exec_command(destination, wanted.service, container, terminal=os.isatty(0))
    try:
        os.execvpe(docker.program, [docker.program, *command], {**os.environ, **docker.environment})  # noqa: S606
    except FileNotFoundError:
        raise OperatorError(f"{docker.program} is not installed") from None


def exec_command(destination: Destination, service: str, container: str, *, terminal: bool) -> list[str]:
    """Without a terminal (`echo 'SELECT 1' | make shell SERVICE=postgres`) it reads its commands."""
    options = ["--interactive", *(["--tty"] if terminal else [])]
    if service == "postgres":
        owner = accessory_owner(destination)
        told = [word for name, value in owner.variables.items() for word in ("--env", f"{name}={value}")]
        return ["exec", *options, *told, container, "psql"]
    return ["exec", *options, container, "sh"]


VERB = Verb("shell", "a shell where a service runs; SERVICE=postgres: psql", shell, add_arguments)
