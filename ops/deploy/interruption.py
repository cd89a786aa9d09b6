"""Ctrl-C, `kill`, a closed terminal. Before traffic moves, the deploy stops and nothing has changed; while it
moves, everything goes back; what has begun to go back, or has ended well, is finished first."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ops.console import say, silence

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 130


class Interrupted(BaseException):
    """The operator wants this to stop. Raised once, where the main thread is then."""


class Interruption:
    """Hears signals for one command. `doing` is what an impatient operator is told."""

    def __init__(self) -> None:
        self.asked: str | None = None
        self._finishing: str | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hears them inside."""
        before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def finishing(self, doing: str) -> Iterator[None]:
        """What is done inside is finished whatever comes; signals are told `doing` and forgotten."""
        before, self._finishing = self._finishing, doing
        try:
            yield
        finally:
            self._finishing = before

    def finish(self, doing: str) -> None:
        """As `finishing`, for all the rest of the command."""
        self._finishing = doing

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _outlive_terminal()
        if self._finishing is not None:
            say(f"\n  {self._finishing}; please wait")
        elif self.asked is not None:
            say("\n  stopping already; please wait")
        else:
            self.asked = signal.Signals(number).name
            raise Interrupted(self.asked)


def _outlive_terminal() -> None:
    """Words for a terminal that is gone would end us in the middle of going back."""
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            silence(stream)
