"""Runs a command that ends with its parent: `python leash.py SIGNAL ACCOUNT COMMAND...`

When the parent dies, even by `kill -9`, the kernel sends SIGNAL to the command (prctl(2),
PR_SET_PDEATHSIG), so no server outlives the stack that started it. ACCOUNT is the system account to
become first, or `-` to stay who we are. The bond is to the parent's *thread*: start leashed commands
from a thread that lives as long as they should.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str], stop: signal.Signals, account: str | None = None) -> list[str]:
    """The command line that runs `command` on a leash: `stop` is what it gets when its parent dies."""
    return [sys.executable, "-I", str(Path(__file__).resolve()), stop.name, account or "-", *command]


def leash_self(stop: signal.Signals) -> None:
    """Asks the kernel to send this process `stop` when its parent dies. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, stop.value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def become(account: str) -> None:
    """Drops root for the account, groups included. Raises KeyError, PermissionError."""
    entry = pwd.getpwnam(account)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def main() -> None:
    stop, account, *command = sys.argv[1:]
    if account != "-":
        become(account)
    leash_self(signal.Signals[stop])  # last: the kernel forgets it when the user id changes
    os.execv(command[0], command)  # noqa: S606  # there is no shell, on purpose


if __name__ == "__main__":
    main()
