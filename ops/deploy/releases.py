"""`make releases`: what was put there when, by whom, and what came of it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

import msgspec

from ops.console import bold, say
from ops.deploy import ledger
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.ledger import Entry
from ops.deploy.settings import RolloutSettings
from ops.deploy.table import aligned
from ops.deploy.verb import Verb

_HEAD = ("", "no", "when (UTC)", "what", "release", "result", "by", "requests", "failed", "p99", "migrations")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="all that the ledger holds but the manifests")


def releases(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises DockerError."""
    newest_first = ledger.entries(docker, destination.read(RolloutSettings).stack)
    if arguments.json:
        told = [{**msgspec.to_builtins(entry), "manifest": None} for entry in newest_first]
        say(msgspec.json.encode(told).decode())
        return
    if not newest_first:
        say(f"  nothing was deployed to {destination.name} yet: make deploy TO={destination.name}")
        return
    head, *rows = aligned([_HEAD, *rows_of(newest_first)])
    say(bold(head))
    for row in rows:
        say(row)
    say("\n  * runs now. Back to the one before: make rollback; to another: make rollback TO_RELEASE=...")


def rows_of(newest_first: Sequence[Entry]) -> list[tuple[str, ...]]:
    """One row per entry; the current one is marked by a star."""
    now = ledger.newest_ok(newest_first)
    return [_row(entry, current=entry is now) for entry in newest_first]


def _row(entry: Entry, *, current: bool) -> tuple[str, ...]:
    probed = entry.probed > 0
    return (
        "*" if current else "",
        str(entry.number),
        entry.finished_at.replace("T", " ").removesuffix("Z"),
        entry.kind,
        entry.release,
        entry.result,
        entry.who,
        str(entry.probed) if probed else "-",
        str(entry.failed) if probed else "-",
        f"{entry.p99_ms:.0f} ms" if entry.p99_ms is not None else "-",
        _last(entry),
    )


def _last(entry: Entry) -> str:
    """What was migrated; of a failure the reason, which is long, hence last."""
    migrated = ", ".join(entry.migrations_applied)
    return "; ".join(filter(None, [migrated, entry.reason and " ".join(entry.reason.split())])) or "-"


VERB = Verb("releases", "what was deployed when, by whom, with what result", releases, add_arguments)
