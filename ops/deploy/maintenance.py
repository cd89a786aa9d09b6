"""`make maintenance on | off`: the public door answers 503 with Retry-After and a page, while payments'
webhooks, /up and /health go on as ever."""

from __future__ import annotations

import base64
from argparse import ArgumentParser, Namespace
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from ops.console import OperatorError, say, step
from ops.deploy import ledger, lock
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.manifest import Manifest
from ops.deploy.routes import Maintenance, publish_routes
from ops.deploy.secrets import PART_LABEL, STACK_LABEL
from ops.deploy.settings import RolloutSettings
from ops.deploy.verb import Verb

MESSAGE_MAX = 500  # services/health/maintenance.py takes no more
_PAGE = "/internal/health/maintenance"


class Closed(msgspec.Struct, frozen=True):
    """The store is closed: since when (UTC, RFC 3339), by whom, and what the page says (its own words
    where there is no message). It is a config of the swarm, so that every deploy keeps the store closed."""

    since: str
    who: str
    message: Annotated[str, Meta(max_length=MESSAGE_MAX)] | None = None
    retry_after_seconds: int = 120

    def routes(self) -> Maintenance:
        words = {} if self.message is None else {"message": self.message}
        asked = f"url={{url}}&{urlencode(words)}".rstrip("&")
        return Maintenance(self.retry_after_seconds, f"{_PAGE}?{asked}")


def closed(docker: Docker, stack: str) -> Closed | None:
    """None while the store is open. Raises DockerError."""
    found = docker.find("config", _name(stack))
    if found is None:
        return None
    return msgspec.json.decode(base64.b64decode(found["Spec"]["Data"]), type=Closed)


def routes_of(docker: Docker, stack: str) -> Maintenance | None:
    """What whoever publishes routes has to give to `publish_routes`, so that a closed store stays closed.
    Raises DockerError."""
    found = closed(docker, stack)
    return None if found is None else found.routes()


def close(docker: Docker, destination: Destination, manifest: Manifest, said: Closed) -> None:
    """Closes the store, or changes what it says. Raises OperatorError, DockerError; then it is as open as
    it was before."""
    before = closed(docker, manifest.stack_name)
    _remember(docker, manifest.stack_name, said)
    try:
        publish_routes(docker, manifest, destination, maintenance=said.routes())
    except BaseException:
        _remember(docker, manifest.stack_name, before)
        raise


def reopen(docker: Docker, destination: Destination, manifest: Manifest) -> None:
    """Raises OperatorError, DockerError; then it is still closed."""
    publish_routes(docker, manifest, destination)
    _remember(docker, manifest.stack_name, None)


def present_manifest(docker: Docker, stack: str) -> Manifest:
    """What is meant to run now. Raises OperatorError before the first deploy."""
    entry = ledger.current(docker, stack)
    if entry is None:
        raise OperatorError(f"nothing is deployed as {stack} yet: make deploy")
    return entry.manifest


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("state", nargs="?", choices=["on", "off"], help="without: tells which it is")
    parser.add_argument("--message", help="what the page says")
    parser.add_argument("--retry-after-seconds", type=int, default=120, help="when to come back; 120")


def maintenance(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError."""
    stack = destination.read(RolloutSettings).stack
    if arguments.state is None:
        say(words(closed(docker, stack)))
        return
    if arguments.message is not None and len(arguments.message) > MESSAGE_MAX:
        raise OperatorError(f"MESSAGE has {len(arguments.message)} characters, the page takes {MESSAGE_MAX}")
    if arguments.retry_after_seconds < 1:
        raise OperatorError("RETRY_AFTER_SECONDS has to be 1 or more")
    who = lock.whoami()
    with lock.held(docker, stack, who, f"maintenance {arguments.state}"):
        manifest = present_manifest(docker, stack)  # whoever had the lock before may have changed it
        if arguments.state == "on":
            said = Closed(lock.now(), who, arguments.message or None, arguments.retry_after_seconds)
            with step("maintenance on"):
                close(docker, destination, manifest, said)
        else:
            with step("maintenance off"):
                reopen(docker, destination, manifest)
    say(words(closed(docker, stack)))


def words(found: Closed | None) -> str:
    if found is None:
        return "  the store is open"
    said = f": {found.message}" if found.message else ""
    return f"  the store is closed since {found.since} by {found.who}{said} (make maintenance off opens it)"


def _remember(docker: Docker, stack: str, said: Closed | None) -> None:
    """Configs can't be changed: the new one takes the place of the old one."""
    if docker.find("config", _name(stack)) is not None:
        docker.run("config", "rm", _name(stack))
    if said is not None:
        labels = ("--label", f"{STACK_LABEL}={stack}", "--label", f"{PART_LABEL}=maintenance")
        docker.run("config", "create", *labels, _name(stack), "-", given=msgspec.json.encode(said))


def _name(stack: str) -> str:
    return f"{stack}_maintenance"


VERB = Verb(
    "maintenance", "on or off: a 503 page with Retry-After; webhooks stay", maintenance, add_arguments
)
