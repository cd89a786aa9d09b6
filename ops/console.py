"""What the operator reads in a terminal: one aligned line per step with its time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_LABEL_WIDTH = 44
_GREY, _GREEN, _RED, _BOLD, _RESET = "\033[90m", "\033[32m", "\033[31m", "\033[1m", "\033[0m"
_outliving = False  # whether what we do is finished without a reader


class OperatorError(SystemExit):
    """Something the operator has to mend. Ends the command with one line and exit code 1."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"kiosk: {' '.join(problem.split())}")


def coloured(stream: TextIO = sys.stdout) -> bool:
    """Colours are for terminals, and not for those who set NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def bold(text: str) -> str:
    return f"{_BOLD}{text}{_RESET}" if coloured() else text


def say(text: str = "") -> None:
    """Prints a line now, also into a pipe."""
    _write(f"{text}\n")


def outlive_readers() -> None:
    """From now on a reader that is gone (the Ctrl-C that we hear ends `tee`, too) means silence and no
    longer our end: for those who change something, and have to finish it or take it back."""
    global _outliving  # noqa: PLW0603  # a process has one standard output
    _outliving = True


def silence(stream: TextIO) -> None:
    """What is written from now on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):  # a stream without a file can't lose its reader
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _write(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except OSError:  # no reader, no terminal, no room on the disk
        if not _outliving:
            raise
        silence(sys.stdout)


def took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def report(label: str, seconds: float, *, mark: str = "✓", colour: str = _GREEN) -> None:
    """One finished step."""
    line, time_taken = f"{label:<{_LABEL_WIDTH}}", f"{took(seconds):>8}"
    if coloured():
        mark, time_taken = f"{colour}{mark}{_RESET}", f"{_GREY}{time_taken}{_RESET}"
    say(f"  {mark} {line}{time_taken}")


@contextmanager
def step(label: str) -> Iterator[None]:
    """Times what is done inside and reports it; on a terminal it is named while it runs."""
    if coloured():
        _write(f"  … {label}\r")
    started = time.monotonic()
    try:
        yield
    except BaseException:
        report(label, time.monotonic() - started, mark="✗", colour=_RED)
        raise
    report(label, time.monotonic() - started)
