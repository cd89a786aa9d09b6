"""What runs at a destination now, beside what the ledger says should: the facts behind `make status`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ops.deploy.addressee import OURS, Addressee
from ops.deploy.docker import Docker
from ops.deploy.ledger import Entry
from ops.deploy.lock import engine_time, parse_time
from ops.deploy.tasks import Task, tasks_of

RECENT = timedelta(hours=1)
ERRORS_MAX = 3


class Observed(msgspec.Struct, frozen=True):
    """One service. `release` is what its running tasks are of (several while it is swapped), of what is
    not ours the image. `health` is in the swarm's words; `errors` are those of the last hour, newest
    first; `problems` is what is not as it should be."""

    service: str
    release: str
    wanted: int
    running: int
    health: str
    update: str
    errors: list[str]
    problems: list[str]


def observe(
    docker: Docker, wanted: Sequence[Addressee], current: Entry | None, releases: Mapping[str, str]
) -> list[Observed]:
    """Each service, in the order given. `releases` tells which release an image is. Raises DockerError."""
    time_now = engine_time(docker)
    return [_observe(docker, one, current, releases, time_now) for one in wanted]


def _observe(
    docker: Docker, one: Addressee, current: Entry | None, releases: Mapping[str, str], time_now: datetime
) -> Observed:
    told = docker.find("service", one.swarm_name)
    if told is None:
        return Observed(one.service, "-", 0, 0, "absent", "-", [], ["it is not there"])
    tasks = tasks_of(docker, one.stack, one.service)
    alive = [task for task in tasks if not task.ended and task.desired in ("running", "ready")]
    running = [task for task in alive if task.state == "running"]
    update = str((told.get("UpdateStatus") or {}).get("State") or "-")
    number = replicas_wanted(told, len(alive))
    return Observed(
        service=one.service,
        release=", ".join(sorted({_release_of(task, releases) for task in running})) or "-",
        wanted=number,
        running=len(running),
        health=health_of(number, alive, running),
        update=update,
        errors=errors_of(docker, tasks, time_now),
        problems=problems_of(one, number, running, current),
    )


def replicas_wanted(told: Mapping[str, Any], alive: int) -> int:
    """Of a service that runs once on every node, as many as the swarm wants at this moment."""
    mode = told["Spec"]["Mode"]
    return int(mode["Replicated"]["Replicas"]) if "Replicated" in mode else max(1, alive)


def health_of(wanted: int, alive: Sequence[Task], running: Sequence[Task]) -> str:
    """The swarm calls a task running when its health check has passed."""
    if len(running) >= wanted:
        return "healthy"
    others = [task.state for task in alive if task not in running]
    return others[0] if others else "down"


def problems_of(one: Addressee, wanted: int, running: Sequence[Task], current: Entry | None) -> list[str]:
    """In words, what is not as the ledger's current release says. An update that the swarm gave up is none:
    after a deploy that failed it is remembered although all is back in place."""
    found = []
    if len(running) < wanted:
        found.append(f"{len(running)} of {wanted} run")
    if one.service not in OURS or current is None:
        return found
    if strangers := sorted({task.image for task in running} - {current.image}):
        found.append(f"it runs {', '.join(map(short_image, strangers))}, not {current.release}")
    should = current.manifest.stack["services"].get(one.service, {}).get("deploy", {}).get("replicas")
    if should is not None and should != wanted:
        found.append(f"the swarm wants {wanted} replicas, the ledger says {should}")
    return found


def errors_of(docker: Docker, tasks: Sequence[Task], time_now: datetime) -> list[str]:
    """The last failures of a service within the last hour, one line each."""
    failed = {task.id: task for task in tasks if task.failed}
    if not failed:
        return []
    told = json.loads(docker.run("inspect", "--type", "task", *failed))
    ended = [(parse_time(one["Status"]["Timestamp"]), failed[one["ID"]]) for one in told]
    recent = [(when, task) for when, task in ended if time_now - when < RECENT]
    newest_first = sorted(recent, key=lambda pair: pair[0], reverse=True)
    lines = [f"{when:%H:%M:%S} {words_of(task)}" for when, task in newest_first[:ERRORS_MAX]]
    left = len(newest_first) - len(lines)
    return [*lines, f"and {left} more in the last hour"] if left else lines


def words_of(task: Task) -> str:
    code = f" (exit code {task.exit_code})" if task.exit_code else ""
    said = task.error or "no reason given"
    return f"{task.state}: {said}{code if str(task.exit_code) not in said else ''}"


def _release_of(task: Task, releases: Mapping[str, str]) -> str:
    return releases.get(task.image) or short_image(task.image)


def short_image(image: str) -> str:
    """`registry.example:5000/team/kiosk:v3@sha256:abc...` is kiosk:v3; without a tag its digest's head."""
    name, _, digest = image.rpartition("/")[2].partition("@sha256:")
    return name if ":" in name or not digest else f"{name}@{digest[:9]}"
