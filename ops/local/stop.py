"""`down` stops this clone's stack from another terminal; `reset` empties its data."""

from __future__ import annotations

import os
import signal

from ops.console import OperatorError, say, step
from ops.local.server_process import wait_until
from ops.local.state import AlreadyRunning, State, open_state
from services.settings import DatabaseSettings

STOP_SECONDS = 120.0


def down() -> None:
    """Stops the running stack and waits until all of it has ended."""
    state = open_state()
    if _is_free(state):
        say("Nothing runs here.")
        return
    running = state.running()
    if running is None:
        raise OperatorError("the stack is just starting or stopping; try again")
    with step(f"stopped {running.address}"):
        os.kill(running.pid, signal.SIGTERM)
        if not wait_until(lambda: _is_free(state), STOP_SECONDS):
            late = f"pid {running.pid} did not stop in {STOP_SECONDS:.0f} s"
            raise OperatorError(f"{late} (logs: {state.logs})")


def reset() -> None:
    """Empties database, Valkey and logs. Raises OperatorError while the stack runs."""
    state = open_state()
    try:
        with state.claimed(), step("emptied .local"):
            state.empty()
    except AlreadyRunning:
        raise OperatorError("the stack runs; `make down` first") from None
    if DatabaseSettings.read().database_url is not None:
        say("DATABASE_URL names a server of your own: it was left alone.")


def _is_free(state: State) -> bool:
    try:
        with state.claimed():
            return True
    except AlreadyRunning:
        return False
