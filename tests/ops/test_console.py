"""What the operator reads, while somebody reads it and afterwards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ops import console
from ops.console import outlive_readers, say, step
from ops.deploy import lock
from ops.deploy.docker import Docker, DockerError


@contextmanager
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(console, "_outliving", False)
    with os.fdopen(writer, "w") as piped, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", piped)
        yield
        console.silence(piped)  # else what is left in its buffer breaks at its end


def test_what_only_tells_ends_with_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread(monkeypatch), pytest.raises(BrokenPipeError):
        say("a line of a log")


def test_what_has_to_be_finished_outlives_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    with unread(monkeypatch):
        outlive_readers()
        with step("half of it"):
            say("the other half")
        say("done")


def test_whoever_changes_something_outlives_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Docker({"DOCKER_HOST": "unix:///nowhere"}, "/bin/false")
    with unread(monkeypatch):
        with pytest.raises(DockerError), lock.held(nowhere, "kiosk", "ada@desk", "deploys"):
            pytest.fail("the lock was had")
        say("nobody hears that")
