"""The tasks of a service, as the swarm tells them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.deploy.docker import Docker, DockerError

ENDED = frozenset({"complete", "failed", "rejected", "shutdown", "orphaned", "remove"})
WANTED = "running"
_LOOKS_MAX = 10


@dataclass(frozen=True, slots=True)
class Task:
    """`state` is what it is, `desired` what the swarm wants of it. `spec` is what it was made of."""

    id: str
    service: str
    node: str
    state: str
    desired: str
    error: str
    exit_code: int | None
    image: str
    container_id: str
    started_at: str
    spec: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def failed(self) -> bool:
        """Ended although the swarm did not ask it to."""
        return self.state in ("failed", "rejected", "orphaned") or (
            self.state in ("complete", "shutdown") and self.desired == WANTED
        )


def tasks_of(docker: Docker, stack: str, service: str) -> list[Task]:
    """The tasks of a service, those of the past that the swarm remembers among them, newest first; none
    when it does not exist. Raises DockerError."""
    for _ in range(_LOOKS_MAX):
        try:
            ids = docker.lines("service", "ps", "--quiet", "--no-trunc", f"{stack}_{service}")
        except DockerError as error:
            if error.says_it_is_not_there:
                return []
            raise
        try:
            found = json.loads(docker.run("inspect", "--type", "task", *ids)) if ids else []
        except DockerError as error:
            if error.says_it_is_not_there:
                continue  # a task was forgotten between the two commands: what is there now?
            raise
        tasks = [_task(one, service) for one in found]
        return sorted(tasks, key=lambda task: task.started_at, reverse=True)
    raise DockerError(("inspect", "--type", "task"), f"the tasks of {service} come and go too quickly")


def _task(told: Mapping[str, Any], service: str) -> Task:
    status, container = told["Status"], told["Status"].get("ContainerStatus") or {}
    return Task(
        id=told["ID"],
        service=service,
        node=told.get("NodeID", ""),
        state=status["State"],
        desired=told["DesiredState"],
        error=status.get("Err", ""),
        exit_code=container.get("ExitCode"),
        image=told["Spec"]["ContainerSpec"]["Image"],
        container_id=container.get("ContainerID", ""),
        started_at=told["CreatedAt"],
        spec=told["Spec"],
    )
