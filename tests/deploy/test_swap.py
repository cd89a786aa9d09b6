"""Swapping services on a real swarm, and telling the truth about it: with small programs in place of ours."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ops.deploy import ledger, lock, rollout
from ops.deploy.docker import Docker
from ops.deploy.evidence import gather
from ops.deploy.ledger import Entry
from ops.deploy.manifest import Manifest
from ops.deploy.rollout import RolloutFailed
from ops.deploy.tasks import tasks_of
from tests.deploy.built_image import engine_with
from tests.deploy.destination import docker_of
from tests.deploy.stand_in_images import PYTHON

STACK = "swap"
SECONDS = 180.0
LIVES = ["python3", "-m", "http.server", "8000"]
CRASHES = ["python3", "-c", "import sys; sys.stderr.write('kiosk: PUBLIC_URL: is not set'); sys.exit(3)"]
HEALTHY, SICK = ["CMD", "true"], ["CMD", "sh", "-c", "echo starting; false"]


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with engine_with() as engine:
        engine.init_swarm()
        docker = docker_of(engine)
        docker.run("network", "create", "--driver", "overlay", f"{STACK}_app")
        yield docker


def manifest(release: str, image: str = PYTHON, **services: dict[str, Any]) -> Manifest:
    stack = {
        "version": "3.8",
        "services": {name: _service(image, release, **one) for name, one in services.items()},
        "networks": {"app": {"external": True, "name": f"{STACK}_app"}},
        "secrets": {},
    }
    return Manifest(release, "abc", image, STACK, stack, {"catalog": ["0001_a.sql"]}, "00000000")


def _service(
    image: str, release: str, command: list[str] = LIVES, check: list[str] = HEALTHY, replicas: int = 2
) -> dict[str, Any]:
    swap = {"order": "start-first", "monitor": "3s", "max_failure_ratio": 0}
    return {
        "image": image,
        "command": command,
        "environment": {"RELEASE": release},
        "networks": ["app"],
        "stop_grace_period": "2s",
        "healthcheck": {"test": check, "interval": "1s", "timeout": "20s", "retries": 2},
        "deploy": {
            "endpoint_mode": "dnsrr",
            "replicas": replicas,
            "update_config": {**swap, "failure_action": "rollback"},
            "rollback_config": {**swap, "failure_action": "pause"},
            "restart_policy": {"condition": "any", "delay": "1s"},
        },
    }


def releases_of(docker: Docker, service: str) -> set[str]:
    """What the tasks that are wanted were made of."""
    wanted = [task for task in tasks_of(docker, STACK, service) if task.desired == "running"]
    return {task.spec["ContainerSpec"]["Env"][0] for task in wanted}


def test_a_first_swap_ends_when_all_replicas_are_healthy(docker: Docker) -> None:
    rollout.swap(docker, manifest("r1", web={}, worker={"replicas": 1}), ["web", "worker"], SECONDS)
    assert releases_of(docker, "web") == {"RELEASE=r1"}
    assert [task.state for task in tasks_of(docker, STACK, "web")] == ["running", "running"]


def test_a_swap_ends_when_nothing_of_the_old_release_is_left(docker: Docker) -> None:
    """Of the same image: only an environment tells the two apart, as when a secret is rotated."""
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)
    tasks = tasks_of(docker, STACK, "web")
    assert releases_of(docker, "web") == {"RELEASE=r2"}
    assert [task for task in tasks if task.desired != "running" and not task.ended] == []
    assert releases_of(docker, "worker") == {"RELEASE=r1"}  # no stage of it was asked for


def test_a_swap_to_what_runs_is_over_at_once(docker: Docker) -> None:
    before = [task.id for task in tasks_of(docker, STACK, "web")]
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)
    assert [task.id for task in tasks_of(docker, STACK, "web")] == before


def test_a_release_that_crashes_fails_the_swap_and_leaves_its_words(docker: Docker) -> None:
    broken = manifest("r3", web={"command": CRASHES})
    with pytest.raises(RolloutFailed, match="gave the update up") as failed:
        rollout.swap(docker, broken, ["web"], SECONDS)
    assert failed.value.service == "web"
    found = gather(docker, broken, "web")
    assert found.exit_code == 3
    assert "kiosk: PUBLIC_URL: is not set" in found.log
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)
    assert releases_of(docker, "web") == {"RELEASE=r2"}


def test_a_release_that_never_turns_healthy_fails_the_swap_and_shows_its_checks(docker: Docker) -> None:
    broken = manifest("r4", web={"check": SICK})
    with pytest.raises(RolloutFailed, match="gave the update up"):
        rollout.swap(docker, broken, ["web"], SECONDS)
    found = gather(docker, broken, "web")
    assert "exit 1: starting" in found.health
    assert any("unhealthy" in task for task in found.tasks)
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)


def test_a_swap_that_does_not_get_on_ends_by_its_own_deadline(docker: Docker) -> None:
    nowhere = manifest("r5", web={})
    nowhere.stack["services"]["web"]["deploy"]["placement"] = {"constraints": ["node.labels.moon == true"]}
    with pytest.raises(RolloutFailed, match=r"not in time \(STAGE_TIMEOUT_SECONDS\).*no suitable node"):
        rollout.swap(docker, nowhere, ["web"], 20.0)
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)


def test_a_new_service_that_keeps_failing_is_given_up(docker: Docker) -> None:
    broken = manifest("r6", other={"command": CRASHES, "replicas": 1})
    with pytest.raises(RolloutFailed, match="fail again and again"):
        rollout.swap(docker, broken, ["other"], SECONDS)
    rollout.remove(docker, broken, ["other", "nobody"])
    assert tasks_of(docker, STACK, "other") == []


def test_what_is_watched_may_end_the_swap(docker: Docker) -> None:
    def watch() -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        rollout.swap(docker, manifest("r7", web={}), ["web"], SECONDS, watch)
    rollout.swap(docker, manifest("r2", web={}), ["web"], SECONDS)


def _entry(release: str, **changed: Any) -> Entry:
    facts: dict[str, Any] = {
        "number": 0,
        "release": release,
        "revision": "abc",
        "who": "ada@desk",
        "started_at": lock.now(),
        "finished_at": lock.now(),
        "result": "ok",
        "kind": "deploy",
        "image": PYTHON,
        "migrations_applied": ["catalog/0001_a.sql"],
        "probed": 100,
        "failed": 0,
        "p99_ms": 12.5,
        "reason": None,
        "manifest": manifest(release, web={}),
    }
    return Entry(**{**facts, **changed})


def test_the_ledger_gives_back_what_was_written(docker: Docker) -> None:
    assert ledger.entries(docker, STACK) == []
    assert ledger.current(docker, STACK) is None
    first = ledger.write(docker, _entry("r1"))
    second = ledger.write(docker, _entry("r2", result="failed", reason="because"))
    assert [first.number, second.number] == [1, 2]
    assert ledger.entries(docker, STACK) == [second, first]
    assert ledger.current(docker, STACK) == first


def test_the_ledger_takes_a_manifest_of_any_size(docker: Docker) -> None:
    large = manifest("r3", web={})
    large.stack["services"]["web"]["environment"]["LONG"] = "x" * 900_000
    written = ledger.write(docker, _entry("r3", manifest=large))
    assert ledger.entries(docker, STACK)[0] == written
    [config] = docker.inspect("config", f"{STACK}_release_{written.number:06}")
    assert len(base64.b64decode(config["Spec"]["Data"])) < 100_000


def test_the_ledger_forgets_what_is_older_than_the_releases_kept(docker: Docker) -> None:
    for release in ("r4", "r5"):
        ledger.write(docker, _entry(release))
    ledger.write(docker, _entry("r6", result="failed"))
    left = ledger.prune(docker, STACK, 2)
    assert [entry.release for entry in left] == ["r6", "r5", "r4"]
    assert ledger.entries(docker, STACK) == left
    assert ledger.write(docker, _entry("r7")).number == left[0].number + 1


def test_time_told_by_the_engine_is_near_ours(docker: Docker) -> None:
    assert abs(lock.engine_time(docker).timestamp() - time.time()) < 60
    assert json.loads(docker.run("info", "--format", "{{json .Swarm.ControlAvailable}}"))
