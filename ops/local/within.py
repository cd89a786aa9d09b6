"""Runs one of our commands as the running stack would: with its database, its Redis, its ports."""

from __future__ import annotations

import os
import sys

from ops.console import OperatorError
from ops.local.state import AlreadyRunning, open_state
from services.settings import DatabaseSettings


def run(module: str, arguments: list[str]) -> None:
    """Becomes `python -m module ...`. A DATABASE_URL of the operator's own comes first; without one
    the stack has to run. Raises OperatorError."""
    told = {} if DatabaseSettings.read().database_url is not None else _of_the_stack()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, **told})  # noqa: S606


def _of_the_stack() -> dict[str, str]:
    state = open_state()
    try:
        with state.claimed():
            pass  # nobody held it, so nothing runs
    except AlreadyRunning as busy:
        if busy.running is not None:
            return busy.running.environment
    raise OperatorError("nothing runs here: `make up` first, or set DATABASE_URL")
