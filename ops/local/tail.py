"""Follows log files as they grow, also across supervisor's rotation."""

from __future__ import annotations

import io
import os
from pathlib import Path


class Tail:
    """What is added to one log file from now on, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._opened()
        self._unfinished = b""
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[str]:
        """Whole lines since the last call."""
        text = self._read()
        if self._rotated():
            self.close()
            self._file = self._opened()
            text += self._read()
        *whole, self._unfinished = (self._unfinished + text).split(b"\n")
        return [line.decode(errors="replace").rstrip() for line in whole]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> bytes:
        return self._file.read() if self._file is not None else b""

    def _rotated(self) -> bool:
        try:
            there = self._path.stat().st_ino
        except FileNotFoundError:
            return False
        return self._file is None or os.fstat(self._file.fileno()).st_ino != there

    def _opened(self) -> io.BufferedReader | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None
