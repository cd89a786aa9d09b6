"""`make reboot SERVICE=redis`: one service, accessory or Traefik starts anew, with the settings that the
destination has now."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from ops.console import OperatorError, say, step
from ops.deploy import accessories, ledger, lock
from ops.deploy.addressee import EDGE, OURS, Addressee, addressee
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.rollout import RolloutFailed, await_settled
from ops.deploy.settings import RolloutSettings
from ops.deploy.verb import Verb

# What to expect while it is away.
EXPECT = {
    "redis": "the site degrades and never goes down: caches and limits are each process's own, fast jobs "
    "are kept in PostgreSQL or run inline",
    "postgres": "pages already seen are still served, marked as stale; carts, orders and everything else "
    "that writes is answered 503 with Retry-After until it is back",
    "traefik": "a node of the edge answers nobody until it is back: with one such node the store refuses "
    "connections for some seconds; with several behind a balancer nobody notices",
}
_OURS = "each new replica is healthy before an old one goes: nobody notices"
_TO_BE_CONFIRMED = ("postgres", "traefik")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", required=True, help="redis, postgres, traefik, or one of ours")
    parser.add_argument("--confirm", help="yes: needed for postgres and traefik")


def reboot(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Returns when it is healthy again. Raises OperatorError."""
    wanted = addressee(destination, arguments.service)
    service = wanted.service
    if service in EDGE and service != "traefik":
        raise OperatorError(f"{service} restarts with Traefik: make reboot SERVICE=traefik CONFIRM=yes")
    say(f"  While {service} restarts: {EXPECT.get(service, _OURS)}.")
    if service in _TO_BE_CONFIRMED and arguments.confirm != "yes":
        raise OperatorError(
            f"nothing was restarted. To do it: "
            f"make reboot SERVICE={service} TO={destination.name} CONFIRM=yes"
        )
    settings, who = destination.read(RolloutSettings), lock.whoami()
    with lock.held(docker, settings.stack, who, f"reboot {service}", settings.lock_wait_seconds):
        started = time.monotonic()
        with step(f"restart {service}"):
            if service in OURS:
                _restart_ours(docker, wanted, settings.stage_timeout_seconds)
            else:
                accessories.restart(docker, destination, service)
    say(f"\n  {service} runs again, after {time.monotonic() - started:.0f} s (make status)")


def _restart_ours(docker: Docker, wanted: Addressee, seconds: float) -> None:
    """Same release, same settings: new ones come by a deploy alone."""
    entry = ledger.current(docker, wanted.stack)
    if entry is None:
        raise OperatorError(f"nothing is deployed as {wanted.stack} yet: make deploy")
    docker.run("service", "update", "--detach", "--quiet", "--force", wanted.swarm_name)
    try:
        await_settled(docker, entry.manifest, [wanted.service], time.monotonic() + seconds)
    except RolloutFailed as failed:
        tell = f"make logs SERVICE={wanted.service}; the old replicas go on"
        raise OperatorError(f"{failed} ({tell})") from None


VERB = Verb("reboot", "restarts redis, postgres, traefik or one of ours: SERVICE=", reboot, add_arguments)
