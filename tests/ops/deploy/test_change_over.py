"""The way back, whatever happens on it. That it brings a store back is tested on a real swarm."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from ops import console
from ops.deploy import change_over, maintenance, verify
from ops.deploy.change_over import Attempt, ChangeFailed, ChangeOver
from ops.deploy.docker import Docker
from ops.deploy.interruption import Interrupted, Interruption
from ops.deploy.lock import Holder, Lock
from ops.deploy.manifest import STAGES, Manifest
from ops.deploy.rollout import RolloutFailed
from ops.deploy.site import Site
from tests.ops.deploy.destinations import destination, manifest

NO_ENGINE = Docker({"DOCKER_HOST": "unix:///nowhere"}, "/bin/false")


def _release(name: str) -> Manifest:
    return msgspec.structs.replace(manifest(), release=name)


@dataclass
class Swarm:
    """What the swarm was told; `fails_at` is where it does not do it, or where `error` comes."""

    fails_at: tuple[str, ...]
    error: BaseException = field(default_factory=lambda: RolloutFailed("jobs", "never healthy"))
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)

    def submit(self, _docker: Docker, target: Manifest, services: Sequence[str]) -> None:
        self.told.append((target.release, tuple(services)))
        if self.told[-1] == ("new", self.fails_at):
            self.happen()
            raise self.error

    def happen(self) -> None:
        """What else happens at that moment."""

    def publish(self, _docker: Docker, target: Manifest, *_rest: object, **_more: object) -> None:
        self.routes.append(target.release)


def _change(
    swarm: Swarm, monkeypatch: pytest.MonkeyPatch, *, target: Manifest, previous: Manifest | None = None
) -> ChangeFailed:
    """From `old` to the target, in a closed store: nobody probes."""

    def nothing(*_arguments: Any) -> None:
        """All is as it should be."""

    monkeypatch.setattr(change_over, "submit", swarm.submit)
    monkeypatch.setattr(change_over, "publish_routes", swarm.publish)
    for name in ("await_in_place", "await_settled", "gather"):
        monkeypatch.setattr(change_over, name, nothing)
    for name in ("verify_tasks", "verify_workers"):
        monkeypatch.setattr(verify, name, nothing)
    monkeypatch.setattr(maintenance, "closed", lambda *_: object())
    monkeypatch.setattr(maintenance, "routes_of", nothing)
    lock = Lock(NO_ENGINE, "kiosk", Holder("t", "ada@desk", "deploys", ""), 1, time.monotonic())
    attempt = Attempt(previous or _release("old"), target)
    with pytest.raises(ChangeFailed) as failed:
        ChangeOver(Site(NO_ENGINE, destination()), lock, attempt, Interruption()).run()
    return failed.value


def test_ctrl_c_that_ends_the_reader_too_goes_back_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make deploy | tee log`: the terminal gives both the signal, and `tee` is gone at once."""
    reader, writer = os.pipe()

    class Piped(Swarm):
        def happen(self) -> None:
            os.close(reader)

    swarm = Piped(STAGES[1], Interrupted("SIGINT"))
    monkeypatch.setattr(console, "_outliving", False)
    with os.fdopen(writer, "w") as piped:
        monkeypatch.setattr(sys, "stdout", piped)
        console.outlive_readers()  # as whoever takes the lock does
        failed = _change(swarm, monkeypatch, target=_release("new"))
    assert (failed.interrupted, failed.restored) == (True, True)
    assert swarm.told[2:] == [("old", STAGES[1]), ("old", STAGES[0])]
    assert swarm.routes == ["old"]


def test_what_is_new_and_cannot_be_removed_does_not_end_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_ENGINE refuses to remove it."""
    target = _release("new")
    before = {name: one for name, one in target.stack["services"].items() if name != "worker-fast"}
    swarm = Swarm(STAGES[1])
    previous = msgspec.structs.replace(target, release="old", stack={**target.stack, "services": before})
    failed = _change(swarm, monkeypatch, target=target, previous=previous)
    assert not failed.restored
    assert "back: remove what is new" in failed.state
    assert swarm.told[-1] == ("old", ("worker-durable",))
    assert swarm.routes == ["old"]
