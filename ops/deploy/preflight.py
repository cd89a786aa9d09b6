"""What has to be right before anything is touched. All problems are told at once, each with what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, TypeVar

from ops.console import OperatorError, coloured, say
from ops.deploy import arithmetic, connections, lock
from ops.deploy.destination import ROOT
from ops.deploy.docker import DockerError
from ops.deploy.hooks import FOLDER
from ops.deploy.manifest import WEB
from ops.deploy.registry import login
from ops.deploy.render import check_variables
from ops.deploy.settings import DEPLOY_GROUPS, ImageSettings
from ops.deploy.site import Site
from services.settings import GROUPS, SettingError

Value = TypeVar("Value")

CLOCK_MAX_SECONDS = 5.0
DISK_MIN_GB, DISK_ROOMY_GB = 2.0, 5.0
_PLACEHOLDERS = ("CHANGE-ME", "example.com")
_MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}
_COLOURS = {"ok": "\033[32m", "warning": "\033[33m", "problem": "\033[31m"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome; `problem` stops the deploy, `warning` does not."""

    level: str
    what: str
    remedy: str = ""


def preflight(site: Site) -> None:
    """Runs every check and prints a line for each. Raises OperatorError when one found a problem."""
    found: list[Finding] = []
    for check in (_engine, _variables, _times, _connections, _replicas, _git, _migrations, _hooks):
        found += _tell(check(site))
    if not any(finding.what.startswith("engine:") and finding.level == "problem" for finding in found):
        for check in (_clock, _disk, _registry):
            found += _tell(check(site))
    problems = [finding for finding in found if finding.level == "problem"]
    if problems:
        count = "one thing has" if len(problems) == 1 else f"{len(problems)} things have"
        raise OperatorError(f"{count} to be mended first; nothing was touched")


def _tell(findings: Iterable[Finding]) -> list[Finding]:
    told = list(findings)
    for one in told:
        mark = _MARKS[one.level]
        say(f"  {_COLOURS[one.level]}{mark}\033[0m {one.what}" if coloured() else f"  {mark} {one.what}")
        if one.remedy and one.level != "ok":
            say(f"      {one.remedy}")
    return told


def _engine(site: Site) -> list[Finding]:
    """The docker command, an engine that answers, a swarm that this node may manage."""
    try:
        info = _info(site)
    except DockerError as error:
        remedy = "is docker installed here, and does DOCKER_HOST or the docker context name the right engine?"
        return [Finding("problem", f"engine: {site.redact(error.said)}", remedy)]
    swarm, version = info.get("Swarm") or {}, info.get("ServerVersion", "?")
    if swarm.get("LocalNodeState") != "active":
        return [
            Finding("problem", f"engine: {info['Name']} is no swarm", "docker swarm init, on that engine")
        ]
    if not swarm.get("ControlAvailable"):
        remedy = "point DOCKER_HOST at a manager (docker node ls, there), or docker node promote"
        return [Finding("problem", f"engine: {info['Name']} is no manager of its swarm", remedy)]
    nodes = f"{swarm.get('Nodes', '?')} nodes" if swarm.get("Nodes") != 1 else "a swarm of one"
    return [Finding("ok", f"engine: {info['Name']}, Docker {version}, {nodes}")]


def _info(site: Site) -> dict[str, Any]:
    info: dict[str, Any] = json.loads(site.docker.run("info", "--format", "{{json .}}"))
    if errors := info.get("ServerErrors"):
        raise DockerError(("info",), " ".join(errors))
    return info


def _variables(site: Site) -> list[Finding]:
    """Every variable: there, well-formed, and no longer as the example has it."""
    found = []
    try:
        check_variables(site.destination, site.folder)
    except SystemExit as error:
        told = site.redact(str(error)).removeprefix("kiosk: ")
        found.append(Finding("problem", f"settings: {told}", f"edit {site.destination.file.name}"))
    for group in (*GROUPS, *DEPLOY_GROUPS):
        try:
            group.read(site.destination.variables)
        except SettingError as error:
            told = site.redact(str(error)).removeprefix("kiosk: ")
            if "is not set" not in told and told not in str(found):
                found.append(Finding("problem", f"settings: {told}", f"edit {site.destination.file.name}"))
    for name, value in site.destination.variables.items():
        if placeholder := next((one for one in _PLACEHOLDERS if one in value), None):
            what = f"settings: {name} still says {placeholder}"
            found.append(Finding("problem", what, f"edit {site.destination.file.name}"))
    return found or [Finding("ok", f"settings: {site.destination.file.name}")]


def _times(site: Site) -> list[Finding]:
    times = _or_none(lambda: arithmetic.times_of(site.destination))
    if times is None:
        return []
    found = [Finding("problem", "times", problem) for problem in arithmetic.problems_with(times)]
    return found or [Finding("ok", "times: lame duck, drain, grace, monitor and keep-alive fit")]


def _connections(site: Site) -> list[Finding]:
    """Replicas, doubled while they are swapped, times what each opens."""
    wanted = _or_none(lambda: connections.connections_needed(site.destination))
    if wanted is None:
        return []
    if problem := connections.problem_with(site.destination):
        return [Finding("problem", "connections", problem)]
    return [Finding("ok", f"connections: up to {wanted} to PostgreSQL")]


def _replicas(site: Site) -> list[Finding]:
    replicas = _or_none(lambda: connections.replicas_wanted(site.rollout))
    single = [name for name in WEB if name != "jobs" and (replicas or {}).get(name) == 1]
    if not single:
        return []
    remedy = "with two, a crash or a lost node goes unnoticed"
    return [Finding("warning", f"replicas: one only of {', '.join(single)}", remedy)]


def _or_none(work: Callable[[], Value]) -> Value | None:
    """None where a setting is wrong: `_variables` has told which."""
    try:
        return work()
    except (SystemExit, KeyError):
        return None


def _git(_site: Site) -> list[Finding]:
    told = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if told.returncode != 0:
        return [
            Finding("problem", "git: this is no clone", "deploys are made of commits: git init; git commit")
        ]
    if changed := told.stdout.splitlines():
        what = f"git: {len(changed)} uncommitted changes are not part of the release"
        return [Finding("warning", what, ", ".join(line[3:] for line in changed[:5]))]
    return [Finding("ok", "git: everything is committed")]


def _migrations(site: Site) -> list[Finding]:
    """They only add: the old release runs beside the new one, and again after a rollback."""
    try:
        lint = import_module("ops.migration_lint")
    except ImportError as error:
        return [Finding("problem", f"migrations: {error}", "remove .venv, and the next make brings it")]
    findings = lint.findings(site.folder / "services")
    found = [Finding("problem", f"migrations: {one}", "or say why it is safe") for one in findings]
    return found or [Finding("ok", "migrations: they only add")]


def _hooks(_site: Site) -> list[Finding]:
    hooks = [file for file in sorted(FOLDER.glob("*-*")) if file.suffix != ".sample"]
    if broken := [file.name for file in hooks if not os.access(file, os.X_OK)]:
        remedy = f"chmod +x {' '.join(f'ops/hooks/{name}' for name in broken)}"
        return [Finding("problem", f"hooks: {', '.join(broken)} can't be run", remedy)]
    return [Finding("ok", f"hooks: {', '.join(file.name for file in hooks)}")] if hooks else []


def _clock(site: Site) -> list[Finding]:
    """A lock's age and a certificate's are told by clocks."""
    started = time.monotonic()
    there = lock.engine_time(site.docker)
    apart = abs((there - datetime.now(UTC)).total_seconds()) - (time.monotonic() - started)
    if apart > CLOCK_MAX_SECONDS:
        remedy = "set both by NTP (timedatectl set-ntp true)"
        return [Finding("problem", f"clock: the engine's is {apart:.0f} s off this machine's", remedy)]
    return [Finding("ok", "clock: as this machine's")]


def _disk(site: Site) -> list[Finding]:
    """Room for one more image. Of a far engine without a release of ours only the use is known."""
    free_gb = _free_gb(site)
    if free_gb is None:
        return [Finding("ok", "disk: a far engine without an image of ours does not say what is free")]
    level = "problem" if free_gb < DISK_MIN_GB else "warning" if free_gb < DISK_ROOMY_GB else "ok"
    return [Finding(level, f"disk: {free_gb:.1f} GB free", "docker image prune --all --filter until=168h")]


def _free_gb(site: Site) -> float | None:
    info = _info(site)
    folder = str(info.get("DockerRootDir", ""))
    host = {**os.environ, **site.docker.environment}.get("DOCKER_HOST", "unix://")
    if host.startswith("unix://") and os.path.isdir(folder):
        return shutil.disk_usage(folder).free / 1e9
    images = site.docker.lines(
        *(
            "image",
            "ls",
            "--format",
            "{{.Repository}}@{{.Digest}}",
            site.destination.read(ImageSettings).image_repository,
        )
    )
    if not images or "<none>" in images[0]:
        return None
    ask = "import shutil; print(shutil.disk_usage('/').free)"
    confined = ("--rm", "--network", "none", "--entrypoint", "python")
    return float(site.docker.run("run", *confined, images[0], "-c", ask)) / 1e9


def _registry(site: Site) -> list[Finding]:
    """Signs in, and lets the engine ask for an image that is not there: the answer tells who answers."""
    repository = site.destination.variables.get("IMAGE_REPOSITORY", "")
    if not repository:
        return []
    try:
        login(site.docker, site.destination)
        site.docker.run("pull", "--quiet", f"{repository}:preflight", timeout_seconds=60)
    except DockerError as error:
        said = site.redact(" ".join(error.said.split()))
        if any(words in said.lower() for words in ("manifest unknown", "not found", "name unknown")):
            return [Finding("ok", f"registry: {repository}")]
        remedy = (
            "check IMAGE_REPOSITORY, REGISTRY_USERNAME, REGISTRY_PASSWORD, and that the engine reaches it"
        )
        level = "warning" if "repository does not exist" in said else "problem"
        return [Finding(level, f"registry: {said}", remedy)]
    return [Finding("ok", f"registry: {repository}")]
