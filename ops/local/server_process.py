"""A server of ours as a child process: start it, wait until it answers, stop it, kill it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ops.local.leash import leashed

_LOOK_AGAIN_SECONDS = 0.02


class ServerFailed(RuntimeError):
    """A server did not start or did not stop. The message is one line and names its log."""


def last_line(log: Path) -> str:
    """The last line of a log that says something, for a one-line report."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Looks until the condition holds; False when the time is up."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True


class ServerProcess:
    """One server on a leash: it dies with the thread that started it."""

    def __init__(self, name: str, log: Path, stop: signal.Signals, account: str | None = None) -> None:
        self.name = name
        self.log = log
        self._stop = stop
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Raises ServerFailed when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, command: Sequence[str], answers: Callable[[], bool], wait_seconds: float = 30.0) -> None:
        """Starts the command and waits until it answers. Raises ServerFailed with its last words."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed(command, self._stop, self._account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        answered = wait_until(lambda: not self.running or answers(), wait_seconds)
        if not (answered and self.running):
            self.kill()
            raise ServerFailed(f"{self.name} did not start: {last_line(self.log)} (log: {self.log})")

    def stop(self, wait_seconds: float = 30.0) -> None:
        """Asks it to end and waits; nothing happens when it has ended already."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self._stop)
            self._process.send_signal(signal.SIGCONT)  # a paused server could not obey
        try:
            self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"{self.name} did not stop in {wait_seconds:.0f} s") from None
        self._process = None

    def kill(self) -> None:
        """`kill -9`, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
