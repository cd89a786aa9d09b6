"""`make lock MESSAGE="..."` keeps everybody from deploying until `make unlock`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ops.console import OperatorError, say
from ops.deploy import lock
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.site import Site
from ops.deploy.verb import Verb


def take(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Without a message it only tells who holds the lock. Raises LockTaken."""
    site = Site(docker, destination)
    if not arguments.message:
        held = lock.status(docker, site.stack)
        say(f"  {held.words}" if held else f"  nobody holds it ({site.command('lock MESSAGE=...')} takes it)")
        return
    lock.lock_by_hand(docker, site.stack, lock.whoami(), arguments.message)
    say(f"  locked: nobody can deploy to {destination.name} until {site.command('unlock')}")


def release(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError when a deploy is under way: taking its lock away stops it half-way."""
    site = Site(docker, destination)
    held = lock.status(docker, site.stack)
    if held is None:
        lock.break_lock(docker, site.stack)  # an expired one may lie there
        say("  nobody held it")
        return
    if not held.holder.by_hand and not arguments.force:
        anyway = site.command("unlock CONFIRM=yes")
        raise OperatorError(
            f"{held.words}. It is at work, and would stop where it is; better wait. All the same: {anyway}"
        )
    lock.break_lock(docker, site.stack)
    say(f"  taken away: {held.words}")


def _message(parser: ArgumentParser) -> None:
    parser.add_argument("--message", help="why nobody shall deploy")


def _force(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="also when a deploy is under way")


VERBS = (
    Verb("lock", "keep everybody from deploying, and say why", take, _message),
    Verb("unlock", "take the lock away, whoever holds it", release, _force),
)
