"""The operator at work: a clone of this tree in a folder of its own, and `python -m ops.deploy` in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.deploy.destination import Destination
from tests.deploy.engine import DOCKER, Engine
from tests.store import wait_until

DEPLOY_SECONDS = 600.0
TO = "test"


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended. `output` is all it said."""

    status: int
    output: str
    seconds: float


@dataclass
class Running:
    """A command at work."""

    process: subprocess.Popen[bytes]
    log: Path
    started: float

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def await_line(self, part: str, seconds: float = 300.0) -> None:
        """Returns when it has said so. Fails when it ends or the time is over."""

        def said() -> bool:
            if part in self.output():
                return True
            assert self.process.poll() is None, f"ended before it said {part!r}:\n{self.output()}"
            return False

        wait_until(said, f"{part!r} in:\n{self.output()}", seconds)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def wait(self, seconds: float = DEPLOY_SECONDS) -> Done:
        status = self.process.wait(timeout=seconds)
        return Done(status, self.output(), time.monotonic() - self.started)


@dataclass
class Operator:
    """Runs verbs in `folder`, a git clone, against an engine. Everything ever said is in `said`."""

    folder: Path
    engine: Engine
    destination: Destination
    _logs: list[Path] = field(default_factory=list)

    def start(self, verb: str, *arguments: str, **variables: str) -> Running:
        log = self.folder.parent / f"{len(self._logs):03}-{verb}.log"
        self._logs.append(log)
        docker = {"DOCKER_HOST": self.engine.environment["DOCKER_HOST"], "DOCKER": DOCKER}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "ops.deploy", verb, "--to", TO, *arguments],
                cwd=self.folder,
                env={**os.environ, **docker, "NO_COLOR": "1", **variables},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process, log, time.monotonic())

    def run(self, verb: str, *arguments: str, **variables: str) -> Done:
        return self.start(verb, *arguments, **variables).wait()

    def said(self) -> str:
        """All that any command has said."""
        return "\n".join(log.read_text(errors="replace") for log in self._logs)

    def commit(self, message: str, files: Mapping[str, str]) -> str:
        """Commits files with new contents; the short hash."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "--short", "HEAD")

    def undo(self) -> None:
        """Takes the last commit back."""
        self._git("reset", "--quiet", "--hard", "HEAD~1")

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def _git(self, *arguments: str) -> str:
        who = ["-c", "user.name=Operator", "-c", "user.email=operator@kiosk.example"]
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()
