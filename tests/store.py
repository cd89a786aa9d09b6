"""A whole store for tests: `make up` in a copy of this tree, on ports of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from ops.local.ports import free_port

ROOT = Path(__file__).parent.parent
START_SECONDS = 120.0
# Reading all the world's certificates for a client takes longer than most calls do.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Looks again until the condition holds; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


async def wait_until_async(
    condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 30.0
) -> None:
    """As `wait_until`, for a condition that has to be awaited."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.02)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port at which nobody listens, and that nobody else can get meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class LocalStore:
    """A running store: where it is, who its processes are, and how to end it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder.parent / "up.log"
        with self._log.open("w") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "ops.local", "up"],
                cwd=folder,
                env={**os.environ, "PORT": str(self.port), "NO_COLOR": "1", **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_up, "the store is up", START_SECONDS)
        except AssertionError:
            self.stop()
            raise AssertionError(f"the store did not start:\n{self.output()}") from None

    def output(self) -> str:
        return self._log.read_text()

    def pids(self) -> dict[str, int]:
        """The processes that supervisor keeps, by name; Traefik, PostgreSQL and Valkey among them."""
        found: dict[str, int] = {}
        for process in psutil.Process(self._up.pid).children(recursive=True):
            try:
                command = process.cmdline()
            except psutil.Error:  # gone meanwhile
                continue
            if name := _name_of(command):
                found[name] = process.pid
        return found

    def everyone(self) -> list[psutil.Process]:
        """Every process of the store."""
        up = psutil.Process(self._up.pid)
        return [up, *up.children(recursive=True)]

    def stop(self) -> int:
        """Ctrl-C, in effect. Returns the exit status."""
        if self._up.poll() is None:
            self._up.send_signal(signal.SIGTERM)
        return self._up.wait(timeout=120)

    def _is_up(self) -> bool:
        if self._up.poll() is not None:
            raise AssertionError("make up ended by itself")
        return "Kiosk is up" in self.output()


def _name_of(command: list[str]) -> str | None:
    if command[1:3] == ["-m", "services"]:
        return command[3]
    if command[1:3] == ["-m", "ops.sandbox"]:
        return "sandbox"
    program = Path(command[0]).name if command else ""
    if program == "postgres" and "-D" in command:
        return "postgres"
    if program.startswith("valkey.sock"):  # it renames itself: `.../valkey-server unixsocket:.../valkey.sock`
        return "valkey"
    return "traefik" if program == "traefik" else None


@contextmanager
def copied_tree() -> Iterator[Path]:
    """What git knows of this tree (and what it does not ignore), in a folder of its own."""
    parent = Path(tempfile.mkdtemp(prefix="kiosk-tree-"))
    parent.chmod(0o755)  # PostgreSQL's account has to walk through
    try:
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        for name in names:
            source, target = ROOT / name, parent / "kiosk" / name
            if name and source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        yield parent / "kiosk"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def local_store(**variables: str) -> Iterator[LocalStore]:
    with copied_tree() as folder:
        store = LocalStore(folder, **variables)
        try:
            yield store
        finally:
            store.stop()


def get(url: str, **options: object) -> httpx.Response:
    """One GET past any proxy of the environment."""
    with httpx.Client(trust_env=False, timeout=10, verify=NO_TLS) as client:
        return client.get(url, **options)  # type: ignore[arg-type]  # httpx's own options
