"""Swapping services for those of another manifest, and watching until the swarm has done so.

`docker stack deploy` returns at once, and with 0 even when the swarm went back by itself. So what is
believed here is what the tasks run, and what each service's UpdateStatus says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ops.deploy.docker import Docker, DockerError
from ops.deploy.manifest import Manifest, subset
from ops.deploy.tasks import Task, tasks_of

Watch = Callable[[], None]

_WENT_WRONG = {
    "paused": "the swarm stopped the update",
    "rollback_started": "the swarm gave the update up",
    "rollback_paused": "the swarm gave the update up, and could not go back",
    "rollback_completed": "the swarm gave the update up and went back",
}
# A task that fails is tried again without end where there is no older one to go back to.
_FAILURES_MAX = 3
_POLL_SECONDS = 0.4
_AWAY_SECONDS = 30.0


class RolloutFailed(Exception):
    """A service does not run what it should. `service` is its name in deploy.yml."""

    def __init__(self, service: str, why: str) -> None:
        self.service, self.why = service, why
        super().__init__(f"{service}: {why}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a service is: `in_place` when all its replicas are new and healthy, and no old one is
    wanted any more; `settled` when the old ones have ended, too, and the swarm calls the update completed."""

    service: str
    in_place: bool
    settled: bool
    held_up: str


def swap(
    docker: Docker, manifest: Manifest, services: Sequence[str], seconds: float, watch: Watch | None = None
) -> None:
    """Brings some services to a manifest and returns when they run it and nothing of another one is left.
    `watch` is called again and again and may raise. Raises RolloutFailed, DockerError."""
    deadline = time.monotonic() + seconds
    submit(docker, manifest, services)
    await_in_place(docker, manifest, services, deadline, watch)
    await_settled(docker, manifest, services, deadline, watch)


def submit(docker: Docker, manifest: Manifest, services: Sequence[str]) -> None:
    """Tells the swarm what it should run. Returns at once. Raises DockerError."""
    docker.run(
        *("stack", "deploy", "--with-registry-auth", "--resolve-image", "never"),
        *("--compose-file", "-", manifest.stack_name),
        given=msgspec.json.encode(subset(manifest, services)),
        timeout_seconds=120,
    )


def await_in_place(
    docker: Docker, manifest: Manifest, services: Sequence[str], deadline: float, watch: Watch | None = None
) -> None:
    """Until the new tasks of all services serve. A task counts as running when it is healthy, which is
    when the process was ready once. Raises RolloutFailed, DockerError."""
    _await(docker, manifest, services, deadline, watch, lambda progress: progress.in_place)


def await_settled(
    docker: Docker, manifest: Manifest, services: Sequence[str], deadline: float, watch: Watch | None = None
) -> None:
    """Until the swarm has watched the new tasks for the time of `monitor`, and the old ones have ended.
    Raises RolloutFailed, DockerError."""
    _await(docker, manifest, services, deadline, watch, lambda progress: progress.settled)


def _await(
    docker: Docker,
    manifest: Manifest,
    services: Sequence[str],
    deadline: float,
    watch: Watch | None,
    is_there: Callable[[Progress], bool],
) -> None:
    waiting, away_since = list(services), None
    while True:
        try:
            told = [progress_of(docker, manifest, service) for service in waiting]
            if watch is not None:
                watch()
            away_since = None
        except DockerError:  # an engine that does not answer for a moment is no reason to go back
            away_since = away_since or time.monotonic()
            if time.monotonic() > min(deadline, away_since + _AWAY_SECONDS):
                raise
            time.sleep(_POLL_SECONDS)
            continue
        waiting = [progress.service for progress in told if not is_there(progress)]
        if not waiting:
            return
        if time.monotonic() > deadline:
            held_up = next(progress for progress in told if progress.service == waiting[0])
            raise RolloutFailed(waiting[0], f"not in time (STAGE_TIMEOUT_SECONDS): {held_up.held_up}")
        time.sleep(_POLL_SECONDS)


def check(docker: Docker, manifest: Manifest, services: Sequence[str]) -> None:
    """Whether services that were in place still are what they should be. Raises RolloutFailed,
    DockerError."""
    for told in docker.inspect("service", *(manifest.service_name(service) for service in services)):
        _raise_if_given_up(told["Spec"]["Name"].removeprefix(f"{manifest.stack_name}_"), told)


def progress_of(docker: Docker, manifest: Manifest, service: str) -> Progress:
    """Raises RolloutFailed when it went wrong for good, DockerError."""
    told = _inspect(docker, manifest, service)
    _raise_if_given_up(service, told)
    tasks = tasks_of(docker, manifest.stack_name, service)
    wanted = replicas_of(manifest, service)
    ours, others = _sorted_out(told, tasks, manifest.image)
    _raise_if_failing(service, ours)
    running = [task for task in ours if task.state == "running" and task.desired == "running"]
    live = [task for task in others if task.desired not in ("shutdown", "remove") and not task.ended]
    stopping = [
        task for task in (*ours, *others) if task.desired in ("shutdown", "remove") and not task.ended
    ]
    state = (told.get("UpdateStatus") or {}).get("State") or "completed"
    in_place = len(running) == wanted and not live
    held_up = _held_up(wanted, running, ours, live, stopping, state)
    return Progress(service, in_place, in_place and not stopping and state == "completed", held_up)


def replicas_of(manifest: Manifest, service: str) -> int:
    return int(manifest.stack["services"][service]["deploy"]["replicas"])


def remove(docker: Docker, manifest: Manifest, services: Sequence[str]) -> None:
    """Takes services away that no older release had. Raises DockerError."""
    for service in services:
        if docker.find("service", manifest.service_name(service)) is not None:
            docker.run("service", "rm", manifest.service_name(service))


def _inspect(docker: Docker, manifest: Manifest, service: str) -> dict[str, Any]:
    found = docker.find("service", manifest.service_name(service))
    if found is None:
        raise RolloutFailed(service, "somebody removed the service")
    return found


def _raise_if_given_up(service: str, told: dict[str, Any]) -> None:
    status = told.get("UpdateStatus") or {}
    if words := _WENT_WRONG.get(status.get("State", "")):
        raise RolloutFailed(service, f"{words} ({status.get('Message', 'no reason given')})")


def _raise_if_failing(service: str, ours: list[Task]) -> None:
    failed = [task for task in ours if task.failed]
    if len(failed) >= _FAILURES_MAX:
        raise RolloutFailed(service, f"its tasks fail again and again: {failed[0].error or failed[0].state}")


def _sorted_out(told: dict[str, Any], tasks: list[Task], image: str) -> tuple[list[Task], list[Task]]:
    """Those made of what the service is now (with the wanted image), and all others."""
    template = told["Spec"]["TaskTemplate"]
    is_ours = {task.id: task.image == image and _same(task.spec, template) for task in tasks}
    return [task for task in tasks if is_ours[task.id]], [task for task in tasks if not is_ours[task.id]]


def _same(spec: Any, template: Any) -> bool:
    parts = ("ContainerSpec", "Resources", "ForceUpdate")
    return all(_bare(spec.get(part)) == _bare(template.get(part)) for part in parts)


def _bare(value: Any) -> Any:
    """Without what is empty: a service spells some of that out and its tasks do not."""
    if isinstance(value, dict):
        kept = {name: _bare(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, {}, [], "", 0, False)} or None
    if isinstance(value, list):
        return [_bare(one) for one in value] or None
    return value or None


def _held_up(
    wanted: int, running: list[Task], ours: list[Task], live: list[Task], stopping: list[Task], state: str
) -> str:
    said = [f"{len(running)} of {wanted} new replicas are healthy"]
    coming = [task for task in ours if not task.ended and task.state != "running"]
    said += [
        f"one is {task.state}: {task.error}" if task.error else f"one is {task.state}" for task in coming[:1]
    ]
    said += [f"{len(live)} old ones still serve"] if live else []
    said += [f"{len(stopping)} old ones are stopping"] if stopping else []
    said += [f"the update is {state}"] if state != "completed" else []
    return ", ".join(said)
