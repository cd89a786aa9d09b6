"""What a failed service left behind: read before the swarm clears it away."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from ops.deploy.docker import Docker, DockerError
from ops.deploy.manifest import Manifest
from ops.deploy.tasks import Task, tasks_of

LOG_LINES = 30
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one service: what its tasks came to, the last log lines and health checks of the one that tells
    most. `exit_code` None: it never ended."""

    service: str
    tasks: list[str]
    log: list[str]
    health: list[str]
    exit_code: int | None
    out_of_memory: bool

    @property
    def text(self) -> str:
        """The tasks' and the process's own words. A health check's are about the check."""
        return "\n".join((*self.log, *self.tasks))


def gather(docker: Docker, manifest: Manifest, service: str) -> Evidence:
    """What can be known of the tasks of the manifest's image; what can't is left out."""
    tasks: list[Task] = []
    with suppress(DockerError):
        tasks = [
            task for task in tasks_of(docker, manifest.stack_name, service) if task.image == manifest.image
        ]
    told = _telling(tasks)
    log = _log_of(docker, told) if told is not None else []
    health, out_of_memory = _container_of(docker, told) if told is not None else ([], False)
    exit_code = told.exit_code if told is not None and told.ended else None
    return Evidence(service, [_words(task) for task in tasks[:6]], log, health, exit_code, out_of_memory)


def _telling(tasks: list[Task]) -> Task | None:
    """One that failed, else one that is not up yet, else any."""
    failed = [task for task in tasks if task.failed]
    waiting = [task for task in tasks if not task.ended and task.state != "running"]
    return next(iter([*failed, *waiting, *tasks]), None)


def _words(task: Task) -> str:
    said = f"task {task.id[:12]}: {task.state}"
    said += f", exit code {task.exit_code}" if task.ended and task.exit_code else ""
    return said + (f": {task.error}" if task.error else "")


def _log_of(docker: Docker, task: Task) -> list[str]:
    """Tracebacks are on stderr. A node that does not answer is asked for nothing more."""
    tail = ("--tail", str(LOG_LINES))
    commands: list[tuple[str, ...]] = [("service", "logs", "--raw", *tail, task.id)]
    commands += [("logs", *tail, task.container_id)] if task.container_id else []
    for command in commands:
        with suppress(DockerError):
            if found := docker.lines(*command, timeout_seconds=_PATIENCE_SECONDS, with_stderr=True):
                return found[-LOG_LINES:]
    return []


def _container_of(docker: Docker, task: Task) -> tuple[list[str], bool]:
    """Only the node that it ran on knows: with several nodes this may be another."""
    if not task.container_id:
        return [], False
    with suppress(DockerError):
        found = docker.find("container", task.container_id)
        if found is not None:
            state = found["State"]
            checks = (state.get("Health") or {}).get("Log") or []
            words = [f"exit {check['ExitCode']}: {_last_line(check['Output'])}" for check in checks[-3:]]
            return words, bool(state.get("OOMKilled"))
    return [], False


def _last_line(output: str) -> str:
    """Of a traceback the part that says something."""
    return next(iter(output.strip().splitlines()[-1:]), "")
