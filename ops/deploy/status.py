"""`make status`: what runs, beside what should. Exit code 1 when the two differ."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

import httpx
import msgspec

from ops.console import bold, say
from ops.deploy import ledger, lock
from ops.deploy.addressee import addressees
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.ledger import Entry
from ops.deploy.maintenance import Closed, closed
from ops.deploy.maintenance import words as words_of_maintenance
from ops.deploy.observation import Observed, observe
from ops.deploy.site import Site
from ops.deploy.table import aligned
from ops.deploy.verb import Verb

_HEAD = ("service", "runs", "replicas", "health", "update", "recent errors")
_HEALTH_TIMEOUT_SECONDS = 5.0


class Health(msgspec.Struct, frozen=True):
    """What the store says of itself at /health. `status` is ok, degraded, down or unreachable; `ailing`
    are the checks that are not ok."""

    status: str
    ailing: list[str] = []


class Status(msgspec.Struct, frozen=True):
    """All that `make status` tells. `problems` is what makes it exit 1."""

    destination: str
    release: str | None
    since: str | None
    locked_by: str | None
    maintenance: Closed | None
    health: Health
    services: list[Observed]
    problems: list[str]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def status(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises SystemExit(1) when something is not as the ledger's current release says, DockerError."""
    site = Site(docker, destination)
    found = look(site)
    if arguments.json:
        say(site.redact(msgspec.json.encode(found).decode()))
    else:
        for line in lines_of(found):
            say(site.redact(line))
    if found.problems:
        raise SystemExit(1)


def look(site: Site) -> Status:
    """Raises DockerError."""
    docker, stack = site.docker, site.stack
    entries = ledger.entries(docker, stack)
    current = ledger.newest_ok(entries)
    releases = {entry.image: entry.release for entry in entries}
    services = observe(docker, addressees(site.destination), current, releases)
    taken, health = lock.status(docker, stack), health_of(site.url)
    return Status(
        destination=site.destination.name,
        release=None if current is None else current.release,
        since=None if current is None else since_of(entries, current),
        locked_by=None if taken is None else taken.words,
        maintenance=closed(docker, stack),
        health=health,
        services=services,
        problems=problems_of(current, services, health),
    )


def since_of(newest_first: Sequence[Entry], current: Entry) -> str:
    """When the current release began to run: changes of its replicas are none of it."""
    since = current.finished_at
    for entry in newest_first:
        if entry.result == "ok":
            if entry.release != current.release:
                break
            since = entry.finished_at
    return since


def health_of(url: str) -> Health:
    """Asks the public door, as a shopper's browser would."""
    try:
        with httpx.Client(timeout=_HEALTH_TIMEOUT_SECONDS) as client:
            told = client.get(f"{url}/health").json()
        ailing = [name for name, check in told["checks"].items() if check["status"] != "ok"]
        return Health(str(told["status"]), ailing)
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Health("unreachable", [f"{url}/health: {type(error).__name__}: {error}"])


def problems_of(current: Entry | None, services: Sequence[Observed], health: Health) -> list[str]:
    if current is None:
        return ["nothing was deployed yet: make deploy"]
    found = [f"{one.service}: {problem}" for one in services for problem in one.problems]
    if health.status in ("down", "unreachable"):
        found.append(f"the store says it is {health.status}: {', '.join(health.ailing)}")
    return found


def lines_of(found: Status) -> list[str]:
    """The table and what stands around it."""
    head, *rows = aligned([_HEAD, *map(_row, found.services)])
    ailing = f" ({', '.join(found.health.ailing)})" if found.health.ailing else ""
    released = f"{found.release} since {found.since}" if found.release else "none"
    lines = [
        f"  {found.destination}: release {released}",
        f"  health: {found.health.status}{ailing}",
        f"  lock: {found.locked_by or 'free'}",
        f"  maintenance:{words_of_maintenance(found.maintenance)[1:]}",
        "",
        f"  {bold(head)}",
        *(f"  {row}" for row in rows),
    ]
    older = [(one.service, error) for one in found.services for error in one.errors[1:]]
    lines += ["", *(f"  {service}, before that: {error}" for service, error in older)] if older else []
    if not found.problems:
        return [*lines, "", "  all of it as the ledger says"]
    told = [f"  ✗ {problem}" for problem in found.problems]
    tell = "  Look at it: make logs SERVICE=...; back to what the ledger says: make deploy or make rollback"
    return [*lines, "", *told, tell]


def _row(one: Observed) -> tuple[str, ...]:
    errors = one.errors[0] if one.errors else "-"
    return (one.service, one.release, f"{one.running}/{one.wanted}", one.health, one.update, errors)


VERB = Verb("status", "services, releases, replicas, health, recent errors", status, add_arguments)
