"""The stacks that no deploy swaps (the edge, the accessories): putting them up, and restarting one of
their services."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ops.console import OperatorError
from ops.deploy.docker import Docker
from ops.deploy.manifest import escaped
from ops.deploy.secrets import content_hash, publish

HASH_LABEL = "kiosk.hash"
_POLL_SECONDS = 0.3
_FAILED_UPDATES = ("paused", "rollback_started", "rollback_paused", "rollback_completed")


@dataclass(frozen=True, slots=True)
class SideStack:
    """A stack worked out: `services` are the compose file's, `configs` and `secrets` the content that has
    to be in the swarm before, by hashed name."""

    stack_name: str
    part: str  # edge or accessories
    compose: dict[str, Any]
    configs: Mapping[str, bytes] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.stack_name}-{self.part}"

    def service_name(self, service: str) -> str:
        return f"{self.name}_{service}"

    def hash_of(self, service: str) -> str:
        """Changes with anything of the service, its configs and secrets among it: they are named by
        their content."""
        used = {"service": self.compose["services"][service], "volumes": self.compose.get("volumes")}
        used |= {kind: self.compose.get(kind) for kind in ("configs", "secrets")}
        return content_hash(msgspec.json.encode(used, order="sorted"))


def put_up(docker: Docker, stack: SideStack) -> None:
    """Creates the stack, or brings it to what is given. Returns before its tasks run. Raises DockerError."""
    publish(docker, "config", stack.stack_name, stack.part, stack.configs)
    publish(docker, "secret", stack.stack_name, stack.part, stack.secrets)
    compose = {**stack.compose, "services": _labelled(stack)}
    given = msgspec.json.encode(escaped(compose))
    # `changed`: the tag of a public image becomes a digest when it is first seen; a registry that is away
    # is no reason to stop then.
    docker.run(
        *("stack", "deploy", "--with-registry-auth", "--resolve-image", "changed"),
        *("--compose-file", "-", stack.name),
        given=given,
        timeout_seconds=300,
    )


def _labelled(stack: SideStack) -> dict[str, Any]:
    labelled = {}
    for name, service in stack.compose["services"].items():
        deploy = service["deploy"]
        labels = {**deploy.get("labels", {}), HASH_LABEL: stack.hash_of(name)}
        labelled[name] = {**service, "deploy": {**deploy, "labels": labels}}
    return labelled


def is_up(docker: Docker, stack: SideStack) -> bool:
    """Whether every service of the stack is there, as whatever release of it."""
    return all(docker.find("service", stack.service_name(name)) for name in stack.compose["services"])


def is_current(docker: Docker, stack: SideStack) -> bool:
    """Whether every service is there and just as it would be put up now."""
    for name in stack.compose["services"]:
        found = docker.find("service", stack.service_name(name))
        if found is None or found["Spec"]["Labels"].get(HASH_LABEL) != stack.hash_of(name):
            return False
    return True


def await_running(docker: Docker, service: str, seconds: float) -> None:
    """Until all tasks that the service wants are running, which is: healthy. Raises OperatorError with
    what the first of the others says."""
    deadline = time.monotonic() + seconds
    while True:
        rows = docker.lines(
            *("service", "ps", "--no-trunc", "--filter", "desired-state=running"),
            *("--filter", "desired-state=ready", "--format", "{{.CurrentState}}\t{{.Error}}", service),
        )
        if rows and all(row.startswith("Running") for row in rows):
            return
        if time.monotonic() > deadline:
            held_up = next((row for row in rows if not row.startswith("Running")), "it has no task")
            tell = f"docker service ps --no-trunc {service}; docker service logs {service}"
            raise OperatorError(f"{service} does not run after {seconds:.0f} s: {held_up} ({tell})")
        time.sleep(_POLL_SECONDS)


def restart(docker: Docker, stack: SideStack, service: str, seconds: float) -> None:
    """Brings the stack to what the destination says now, and restarts one service in any case. Returns
    when it runs again. Raises OperatorError, DockerError."""
    name = stack.service_name(service)
    before = _task_template(docker, name)
    put_up(docker, stack)
    if before == _task_template(docker, name):
        docker.run("service", "update", "--detach", "--quiet", "--force", name)
    _await_update(docker, name, seconds)
    await_running(docker, name, seconds)


def _task_template(docker: Docker, name: str) -> Any:
    found = docker.find("service", name)
    return None if found is None else found["Spec"]["TaskTemplate"]


def _await_update(docker: Docker, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        [found] = docker.inspect("service", name)
        status = found.get("UpdateStatus") or {"State": "completed"}
        if status["State"] == "completed":
            return
        if status["State"] in _FAILED_UPDATES or time.monotonic() > deadline:
            tell = f"docker service ps --no-trunc {name}"
            raise OperatorError(f"{name}: {status['State']}: {status.get('Message', '')} ({tell})")
        time.sleep(_POLL_SECONDS)
