"""`make scale SERVICE= REPLICAS=`: more or fewer replicas of the release that runs."""

from __future__ import annotations

import copy
import time
from argparse import ArgumentParser, Namespace

import msgspec

from ops.console import OperatorError, say, step
from ops.deploy import ledger, lock
from ops.deploy.accessories import accessories_of
from ops.deploy.addressee import OURS, addressee
from ops.deploy.connections import RESERVED, needed, pools_of
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.ledger import Entry
from ops.deploy.manifest import WORKERS, Manifest
from ops.deploy.rollout import RolloutFailed, replicas_of, submit
from ops.deploy.settings import AccessorySettings, RolloutSettings
from ops.deploy.tasks import tasks_of
from ops.deploy.verb import Verb
from services.settings import DatabaseSettings

_POLL_SECONDS = 0.4
_EXPECTED = "WORKERS_EXPECTED"  # in the environment of health


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", required=True, help=", ".join(OURS))
    parser.add_argument("--replicas", required=True, type=int)


def scale(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError; then there are as many as before."""
    service, replicas = arguments.service, arguments.replicas
    settings = destination.read(RolloutSettings)
    check_scalable(destination, service, replicas)
    who, stack = lock.whoami(), settings.stack
    with lock.held(
        docker, stack, who, f"scale {service} to {replicas}", settings.lock_wait_seconds
    ) as holding:
        before = ledger.current(docker, stack)
        if before is None:
            raise OperatorError(f"nothing is deployed as {stack} yet: make deploy")
        manifest = with_replicas(before.manifest, service, replicas)
        check_connections(destination, manifest)
        holding.check()
        entry = _scaled(docker, before, manifest, service, settings.stage_timeout_seconds, who)
        ledger.write_surely(docker, entry, holding.check)
    if entry.reason is not None:
        raise OperatorError(
            f"{entry.reason}. There are as many as before (make status, make logs SERVICE={service})"
        )
    say(f"\n  {service} has {replicas} replicas. {lasting(destination, service, replicas)}")


def check_scalable(destination: Destination, service: str, replicas: int) -> None:
    """Raises OperatorError for what is not ours, and for none at all."""
    if addressee(destination, service).service not in OURS:
        raise OperatorError(
            f"{service} is not scaled: accessories are one each, where their data is, "
            "and Traefik runs once on every node of EDGE_PLACEMENT"
        )
    if replicas < 1:
        raise OperatorError("REPLICAS has to be 1 or more; to close the store: make maintenance on")


def with_replicas(manifest: Manifest, service: str, replicas: int) -> Manifest:
    """The same release with another number of replicas of one service; of workers, health is to expect as
    many."""
    stack = copy.deepcopy(manifest.stack)
    stack["services"][service]["deploy"]["replicas"] = replicas
    if service in WORKERS and _EXPECTED in stack["services"]["health"]["environment"]:
        told = {name: stack["services"][name]["deploy"]["replicas"] for name in WORKERS}
        counts = (f"{name.removeprefix('worker-')}={count}" for name, count in told.items())
        stack["services"]["health"]["environment"][_EXPECTED] = ",".join(counts)
    return msgspec.structs.replace(manifest, stack=stack)


def check_connections(destination: Destination, manifest: Manifest) -> None:
    """Raises OperatorError when the accessory's PostgreSQL could not serve so many. One elsewhere is asked
    at the next deploy."""
    if "postgres" not in accessories_of(destination):
        return
    replicas = {name: replicas_of(manifest, name) for name in manifest.stack["services"]}
    wanted = needed(replicas, pools_of(destination.read(DatabaseSettings)))
    there = destination.read(AccessorySettings).postgres_max_connections
    if wanted > there - RESERVED:
        raise OperatorError(
            f"all replicas, doubled while they are swapped, may open {wanted} connections; PostgreSQL has "
            f"{there}, less {RESERVED}: set POSTGRES_MAX_CONNECTIONS={wanted + RESERVED}, then make reboot "
            "SERVICE=postgres CONFIRM=yes; or lower DATABASE_POOL_MAX"
        )


def lasting(destination: Destination, service: str, replicas: int) -> str:
    """How long it stays so: a deploy takes the number from the destination's file."""
    variable = f"{service.upper().replace('-', '_')}_REPLICAS"
    written = getattr(destination.read(RolloutSettings), variable.lower())
    if written == replicas:
        return f"{destination.file.name} says the same"
    return (
        f"The next deploy goes back to {variable}={written} of {destination.file.name}: change it there too"
    )


def _scaled(
    docker: Docker, before: Entry, manifest: Manifest, service: str, seconds: float, who: str
) -> Entry:
    """What the ledger is to keep of it."""
    started_at, reason = lock.now(), None
    replicas = replicas_of(manifest, service)
    # Health is swapped for its new expectation beside the scaling; that takes nobody's attention.
    changed = [service, "health"] if service in WORKERS else [service]
    try:
        with step(f"{service}: {replicas} replicas"):
            submit(docker, manifest, changed)
            await_replicas(docker, manifest, service, seconds)
    except RolloutFailed as failed:
        reason = str(failed)
        submit(docker, before.manifest, changed)
    except BaseException:
        submit(docker, before.manifest, changed)
        raise
    return msgspec.structs.replace(
        before,
        who=who,
        started_at=started_at,
        finished_at=lock.now(),
        result="ok" if reason is None else "failed",
        kind="scale",
        migrations_applied=[],
        probed=0,
        failed=0,
        p99_ms=None,
        reason=reason,
        manifest=manifest,
    )


def await_replicas(docker: Docker, manifest: Manifest, service: str, seconds: float) -> None:
    """Until just so many tasks run, all healthy, and the others have ended. (UpdateStatus says nothing of
    a change of numbers.) Raises RolloutFailed, DockerError."""
    deadline = time.monotonic() + seconds
    wanted = replicas_of(manifest, service)
    while True:
        alive = [task for task in tasks_of(docker, manifest.stack_name, service) if not task.ended]
        running = [task for task in alive if task.state == "running" and task.desired == "running"]
        if len(running) == len(alive) == wanted:
            return
        if time.monotonic() > deadline:
            held_up = next((task.error or task.state for task in alive if task not in running), "")
            raise RolloutFailed(service, f"{len(running)} of {wanted} run after {seconds:.0f} s: {held_up}")
        time.sleep(_POLL_SECONDS)


VERB = Verb("scale", "more or fewer replicas: SERVICE= REPLICAS=", scale, add_arguments)
