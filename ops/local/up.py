"""`make up`: starts everything in order, says where it is, follows the logs, and ends it all."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from types import FrameType

from ops.console import OperatorError, bold, say, step, took
from ops.demo.__main__ import SEED, fill
from ops.local.addresses import table
from ops.local.leash import leash_self
from ops.local.leftovers import adopt_orphans, bury_orphans, clear_postgres, end_descendants
from ops.local.programs import SERVICES, Group, ready_url, upstreams
from ops.local.sandbox import up_url
from ops.local.server_process import last_line
from ops.local.stack import Stack, plan
from ops.local.state import AlreadyRunning, Running, State, open_state
from ops.local.supervisor import Supervisor
from ops.local.watch import Watch
from ops.migrate import migrate
from services.settings import DatabaseSettings, OperatorSettings

START_SECONDS = 120.0
LOOK_AGAIN_SECONDS = 0.1
DEATHS_AT_START_MAX = 3


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. Not an Exception: nothing on the way may swallow it."""


def up() -> None:
    """Runs the stack until it is told to stop. Raises OperatorError when it cannot start."""
    state = open_state()
    if "MAKELEVEL" in os.environ:  # `kill -9` of make ends the stack too
        leash_self(signal.SIGTERM)
    try:
        with state.claimed() as lock:
            _hear_signals()
            adopt_orphans()
            try:
                _run(state, lock)
            except Stopped:
                return
    except AlreadyRunning as busy:
        where = busy.running.address if busy.running is not None else "it is just starting or stopping"
        say(f"Kiosk already runs in this clone: {where} (`make down` stops it)")


def _hear_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)  # one is enough; stopping is not to be interrupted
        raise Stopped

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        heard.append(signal.SIGHUP)
    for number in heard:
        signal.signal(number, stop)


def _run(state: State, lock: int) -> None:
    started = time.monotonic()
    stack = plan(state)
    stack.edge.write(upstreams(stack.ports))
    state.announce(Running(os.getpid(), stack.edge.public_url, stack.environment))
    programs = stack.programs()
    supervisor = Supervisor(state, programs, stack.environment)
    watch = Watch(state, [program.name for program in programs])
    try:
        while True:
            _start(stack, supervisor, watch, lock)
            say(f"\n{table(stack)}\n\n{bold('Kiosk is up')} after {took(time.monotonic() - started)}.")
            say("Open the store in a browser. Ctrl-C stops everything and keeps the data; `make` alone lists")
            say("what else there is. What follows are the logs.\n")
            _follow(supervisor, watch)
            say("supervisor died: everything is started again")
            started = time.monotonic()
            _end(supervisor)
    finally:
        say()
        with step("stopped everything"):
            _end(supervisor)
            watch.close()


def _end(supervisor: Supervisor) -> None:
    supervisor.stop()
    end_descendants(wait_seconds=20)


def _start(stack: Stack, supervisor: Supervisor, watch: Watch, lock: int) -> None:
    """Servers, then the database's schema, then the catalog, then services and Traefik."""
    wait = Wait(stack, supervisor, watch)
    if stack.cluster is not None:
        if not stack.cluster.data.exists():
            with step("made a database cluster"):
                stack.cluster.create()
        clear_postgres(stack.cluster)
    supervisor.launch(lock)
    _start_group(stack, supervisor, "servers")
    if stack.cluster is not None:
        with step("PostgreSQL answers"):
            wait.until("postgres", stack.cluster.answers)
    if stack.store is not None:
        with step("Valkey answers"):
            wait.until("valkey", stack.store.answers)
    with step("sandbox gateway and mailbox answer"):
        wait.until("sandbox", _says_200(up_url(stack.ports)))
    asyncio.run(_fill(DatabaseSettings.read({**os.environ, **stack.environment})))
    _start_group(stack, supervisor, "services")
    with step("services and workers are ready"):
        for name in SERVICES:
            wait.until(name, _says_200(ready_url(name, stack.ports)))
    # Started earlier, Traefik would take the services for dead until its next look at them.
    _start_group(stack, supervisor, "edge")
    with step("the store answers"):
        wait.until("traefik", _says_200(stack.edge.ping_url))
        wait.until("storefront", _says_200(stack.edge.public_url + "/"))
    watch.skip_lines()


def _start_group(stack: Stack, supervisor: Supervisor, group: Group) -> None:
    for program in stack.programs():
        if program.group == group:
            supervisor.start(program)


async def _fill(settings: DatabaseSettings) -> None:
    """Schema and demo catalog. In this process: starting Python anew would take longer than the work."""
    await migrate(settings)
    assert settings.database_url is not None
    await fill(settings.database_url, OperatorSettings.read().products, SEED, if_empty=True)


class Wait:
    """Waits for what was started, and gives up as soon as it keeps dying."""

    def __init__(self, stack: Stack, supervisor: Supervisor, watch: Watch) -> None:
        self._state, self._supervisor, self._watch = stack.state, supervisor, watch

    def until(self, program: str, answers: Callable[[], bool]) -> None:
        """Raises OperatorError with the last words of whoever keeps dying or never answers."""
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            for death in self._watch.deaths():
                if death.number >= DEATHS_AT_START_MAX:
                    self._give_up(death.program, f"does not start ({death.how})")
            if not self._supervisor.running:
                self._give_up("supervisor", "died")
            if time.monotonic() > deadline:
                self._give_up(program, f"did not answer in {START_SECONDS:.0f} s")
            time.sleep(LOOK_AGAIN_SECONDS)

    def _give_up(self, program: str, what: str) -> None:
        log = self._state.log_of(program)
        raise OperatorError(f"{program} {what}: {last_line(log)} (log: {log})")


def _says_200(url: str) -> Callable[[], bool]:
    # Whatever proxy the environment names is not for 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        try:
            with opener.open(url, timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return answers


def _follow(supervisor: Supervisor, watch: Watch) -> None:
    """Shows the logs until supervisord is gone."""
    while supervisor.running:
        watch.show_lines()
        for death in watch.deaths():
            watch.tell(death)
        bury_orphans()
        time.sleep(LOOK_AGAIN_SECONDS)
