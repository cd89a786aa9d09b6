"""What jobs say while they run, read as it comes: a worker must never wait for its reader."""

from __future__ import annotations

import json
import queue
import socket
import threading
from pathlib import Path
from typing import Any, Self

_SILENCE_SECONDS = 60.0


class Silence(Exception):
    """Nothing came for a minute."""


class Reports:
    """A socket at `address` and what arrived there, first come first."""

    def __init__(self, address: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(address))
        self._arrived: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.shutdown(socket.SHUT_RD)  # wakes the reader, with nothing
        self._reader.join()
        self._line.close()

    def next(self) -> dict[str, Any]:
        """Raises Silence."""
        try:
            return self._arrived.get(timeout=_SILENCE_SECONDS)
        except queue.Empty:
            raise Silence() from None

    def _read(self) -> None:
        while said := self._line.recv(4096):
            self._arrived.put(json.loads(said))
