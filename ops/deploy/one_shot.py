"""One-shot tasks: a command of a release's image, run once in the swarm, where its networks and secrets
are. Swarm has jobs for that."""

from __future__ import annotations

import json
import secrets as random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ops.deploy.docker import Docker, DockerError
from ops.deploy.manifest import Manifest
from ops.deploy.secrets import STACK_LABEL

OnLine = Callable[[str], None]

NEVER_STARTED = 125  # what `docker run` exits with when the container could not be made
_FINAL_STATES = {"complete", "failed", "rejected", "shutdown", "orphaned", "remove"}
_POLL_SECONDS = 0.3
_LOG_SETTLE_SECONDS = 1.0


class OneShotFailed(Exception):
    """A one-shot task came to no end in its time. The message says where it was held up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`exit_code` is that of the first task that failed, or 0. `log` is what all of them printed."""

    exit_code: int
    log: list[str]


def run_once(
    docker: Docker,
    manifest: Manifest,
    name: str,
    command: Sequence[str],
    *,
    networks: Sequence[str] = (),
    secrets: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    mounts: Sequence[str] = (),
    constraints: Sequence[str] = (),
    everywhere: bool = False,
    user: str | None = None,
    timeout_seconds: float,
    on_line: OnLine | None = None,
) -> Outcome:
    """Runs `python -m COMMAND` in the release's image once, or once on every node that fulfils the
    constraints (`everywhere`), and takes the task away afterwards, also on Ctrl-C.

    `networks` are ours by their short names (`data`); `secrets` are variables (`database_url`), which the
    command finds by `DATABASE_URL_FILE`; those that the release lacks are left out. `mounts` and
    `constraints` are as `docker service create` takes them. `on_line` gets each line of the log soon
    after it was printed. Raises OneShotFailed, DockerError."""
    service = f"{manifest.stack_name}-{name}-{random.token_hex(3)}"
    options = ["--mode", "global-job" if everywhere else "replicated-job"]
    options += _options(manifest, networks, secrets, environment or {}, mounts, constraints)
    options += [] if user is None else ["--user", user]
    with _created(docker, service, [*options, manifest.image, *command]):
        log = _Log(docker, on_line)
        tasks = _await_end(docker, service, log, timeout_seconds)
        log.read_to_end(tasks)
    failed = [task for task in tasks if task["Status"]["State"] != "complete"]
    for task in failed:
        log.add(f"{task['Status']['State']}: {task['Status'].get('Err', 'no reason given')}")
    return Outcome(_exit_code(failed[0]) if failed else 0, log.lines)


def migrate(
    docker: Docker,
    manifest: Manifest,
    *,
    needs_connections: int | None = None,
    timeout_seconds: float,
    on_line: OnLine | None = None,
) -> Outcome:
    """Brings the database to the release, as its owner. The roles' URLs are there for their passwords.
    Fails before it changes anything where the server allows less than `needs_connections`. Raises
    OneShotFailed, DockerError."""
    needs = [] if needs_connections is None else ["--needs-connections", str(needs_connections)]
    owned = [variable for variable in manifest.stack["secrets"] if variable.endswith("database_url")]
    return run_once(
        docker,
        manifest,
        "migrate",
        ["ops.migrate", *needs],
        networks=["data"],
        secrets=owned,
        timeout_seconds=timeout_seconds,
        on_line=on_line,
    )


def _options(
    manifest: Manifest,
    networks: Sequence[str],
    secrets: Sequence[str],
    environment: Mapping[str, str],
    mounts: Sequence[str],
    constraints: Sequence[str],
) -> list[str]:
    """As confined as our services are. The image's health check asks for an ops port: not here."""
    found = {variable: manifest.secret_name(variable) for variable in secrets}
    given = {variable: secret for variable, secret in found.items() if secret is not None}
    files = {f"{variable.upper()}_FILE": f"/run/secrets/{variable}" for variable in given}
    options = ["--restart-condition", "none", "--detach", "--quiet", "--no-resolve-image"]
    options += ["--with-registry-auth", "--no-healthcheck", "--read-only", "--cap-drop", "ALL"]
    options += ["--mount", "type=tmpfs,destination=/tmp", "--label", f"{STACK_LABEL}={manifest.stack_name}"]
    repeated = {
        "--network": [manifest.network_name(network) for network in networks],
        "--secret": [f"source={secret},target={variable}" for variable, secret in given.items()],
        "--env": [f"{name}={value}" for name, value in {**environment, **files}.items()],
        "--mount": mounts,
        "--constraint": constraints,
    }
    return options + [word for option, values in repeated.items() for one in values for word in (option, one)]


@contextmanager
def _created(docker: Docker, service: str, arguments: Sequence[str]) -> Iterator[None]:
    try:
        docker.run("service", "create", "--name", service, *arguments)
        yield
    finally:
        if docker.find("service", service) is not None:
            docker.run("service", "rm", service)


def _await_end(docker: Docker, service: str, log: _Log, timeout_seconds: float) -> list[dict[str, Any]]:
    """Polls, because docker itself would wait forever for a job that failed."""
    deadline = time.monotonic() + timeout_seconds
    tasks: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        tasks = _tasks(docker, service)
        if tasks and all(task["Status"]["State"] in _FINAL_STATES for task in tasks):
            return tasks
        log.read(tasks)
        time.sleep(_POLL_SECONDS)
    raise OneShotFailed(f"{service} did not end in {timeout_seconds:.0f} s: {_held_up(tasks)}")


def _held_up(tasks: list[dict[str, Any]]) -> str:
    if not tasks:
        return "no node fulfils its constraints (docker node ls)"
    [status] = [task["Status"] for task in tasks if task["Status"]["State"] not in _FINAL_STATES][:1]
    return f"it is {status['State']}: {status.get('Err') or status.get('Message') or 'no reason given'}"


def _tasks(docker: Docker, service: str) -> list[dict[str, Any]]:
    ids = docker.lines("service", "ps", "--quiet", "--no-trunc", service)
    found: list[dict[str, Any]] = json.loads(docker.run("inspect", "--type", "task", *ids)) if ids else []
    return found


def _exit_code(task: Mapping[str, Any]) -> int:
    code = task["Status"].get("ContainerStatus", {}).get("ExitCode")
    return int(code) or NEVER_STARTED if code is not None else NEVER_STARTED


class _Log:
    """What the tasks printed so far, read again and again: `docker service logs --follow` would not
    notice that a job is over."""

    def __init__(self, docker: Docker, on_line: OnLine | None) -> None:
        self.lines: list[str] = []
        self._seen: dict[str, int] = {}  # lines, by task
        self._docker, self._on_line = docker, on_line

    def add(self, line: str) -> None:
        self.lines.append(line)
        if self._on_line is not None:
            self._on_line(line)

    def read(self, tasks: Sequence[Mapping[str, Any]]) -> bool:
        """Adds what is new. False when there was nothing, or when no node could be asked."""
        return sum(self._read(str(task["ID"])) for task in tasks) > 0

    def _read(self, task: str) -> bool:
        try:
            read = self._docker.lines("service", "logs", "--raw", task, with_stderr=True)
        except DockerError:  # it has no container yet, or its node is away
            return False
        new = read[self._seen.get(task, 0) :]
        self._seen[task] = max(len(read), self._seen.get(task, 0))
        for line in new:
            self.add(line)
        return bool(new)

    def read_to_end(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """The last lines may come a moment after the end of the task."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _LOG_SETTLE_SECONDS:
            if self.read(tasks):
                quiet_since = time.monotonic()
            time.sleep(_POLL_SECONDS)
