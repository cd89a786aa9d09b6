"""The pulse of one pool: tells a server that has fallen silent from a statement that takes its time.

A frozen server, or one behind a network that swallows everything, looks like a slow statement for as
long as statements may run. So when somebody has waited for DATABASE_PULSE_AFTER_SECONDS and nobody of
this pool has been answered meanwhile, one new connection asks for a sign of life. Without one within
DATABASE_PULSE_SECONDS everybody who waits is let go, and whoever comes is refused at once until a look
in the background, one at a time and further and further apart, is answered. On a machine where nearly
always somebody waits for a CPU, slowness looks like silence: there it is asked again before it is believed.

This is no `Breaker`: nobody's request has to be the probe, and one refused connection is proof enough. One
that failed on our side of the wire, for want of a name, a port or a file, is none: while the pool has others,
only who wanted that one is refused.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from prometheus_client import Gauge

from services.errors import DatabaseUnavailable

logger = logging.getLogger("kiosk.database")
_PRESSURE = Path("/proc/pressure/cpu")

# What nobody but an absent server answers. Anything else that it says is a sign of life.
NOT_THERE = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TargetServerAttributeNotMatched,  # another one may be there, but not who was asked for
)
_OUR_OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
_LOOK_FIRST_SECONDS, _LOOK_MAX_SECONDS = 0.1, 1.0
_LOOK_PATIENCE_SECONDS = 3.0  # nobody waits for it
_TRIES_WHILE_STARVED, _STARVED_SHARE = 4, 0.8
_CROWDED_SECONDS = 0.2
_LATE_SECONDS = 0.1


@dataclass(slots=True, eq=False)
class Stay:
    """Somebody who waits for the server since `since` (loop time). `cut` makes that end."""

    since: float
    cut: Callable[[], None]
    resting: bool = False  # holds a connection, but has asked nothing


class Pulse:
    """`knock` opens a connection of its own, asks something and closes it; `on_return` is called when the
    server has come back: connections of before may lead nowhere."""

    def __init__(
        self,
        name: str,
        knock: Callable[[], Awaitable[None]],
        on_return: Callable[[], Awaitable[None]],
        connections: Callable[[str], float],
        *,
        after_seconds: float,
        patience_seconds: float,
        gauge: Gauge,
    ) -> None:
        self._name, self._knock, self._on_return, self._gauge = name, knock, on_return, gauge
        self._connections = connections
        self._after_seconds, self._patience_seconds = after_seconds, patience_seconds
        self._stays: dict[Stay, None] = {}  # the longest first
        self._answered_at = 0.0  # loop time
        self._crowded_until = 0.0  # loop time
        self._cause: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.away_since: float | None = None  # time.time()

    def admit(self) -> None:
        """Raises DatabaseUnavailable at once while the server is away, and for a moment after it had no
        connection left to give, unless this pool has one."""
        if self._cause is not None:
            raise DatabaseUnavailable() from self._cause
        if self._crowded_until and asyncio.get_running_loop().time() < self._crowded_until:
            if not self._connections("idle") and not self._stays:
                raise DatabaseUnavailable("has no connection left")
        else:
            self._crowded_until = 0.0

    def enter(self, cut: Callable[[], None], *, resting: bool = False) -> Stay:
        """Somebody begins to wait."""
        loop = asyncio.get_running_loop()
        stay = Stay(loop.time(), cut, resting)
        self._stays[stay] = None
        if self._timer is None and self._task is None:
            self._timer = loop.call_later(self._after_seconds, self._look)
        return stay

    def leave(self, stay: Stay, *, answered: bool) -> None:
        """And has waited enough; `answered` by the server, or not."""
        self._stays.pop(stay, None)
        if answered:
            self._answered_at = asyncio.get_running_loop().time()

    def failed_to_connect(self, error: Exception) -> None:
        """A new connection was refused. Impatience proves nothing: that is the pulse's own affair."""
        if isinstance(error, asyncpg.TooManyConnectionsError):
            # Asking costs the server a process each time, and it has too many.
            wait = _CROWDED_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311  # not a secret
            self._crowded_until = asyncio.get_running_loop().time() + wait
            return
        believed = isinstance(error, NOT_THERE) and not isinstance(error, TimeoutError)
        if believed and self._proves_absence(error):
            self._lose(error)

    def stop(self) -> None:
        """Ends what runs in the background."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._timer = self._task = None

    def _look(self) -> None:
        self._timer = None
        oldest = next((stay for stay in self._stays if not stay.resting), None)
        if oldest is None or self._task is not None:
            return
        loop = asyncio.get_running_loop()
        due = max(oldest.since, self._answered_at) + self._after_seconds
        if due > loop.time():
            self._timer = loop.call_at(due, self._look)
        else:
            self._task = asyncio.create_task(self._feel())

    async def _feel(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(_TRIES_WHILE_STARVED):
            since, waited = loop.time(), cpu_waited_seconds()
            silence = await self._asked(self._knock, self._patience_seconds)
            took = loop.time() - since
            slept = took > self._patience_seconds + _LATE_SECONDS  # this process was busy itself
            starved = cpu_waited_seconds() - waited > _STARVED_SHARE * took
            if self._answered_at > began or not isinstance(silence, TimeoutError) or not (slept or starved):
                break
        self._task = None
        if silence is not None and self._answered_at <= began and self._proves_absence(silence):
            self._lose(silence)
        elif self._stays:
            self._timer = loop.call_later(self._after_seconds, self._look)

    async def _asked(
        self, question: Callable[[], Awaitable[None]], patience_seconds: float
    ) -> Exception | None:
        """None when the server gave a sign of life. No error, foreseen or not, ends who looks for one."""
        try:
            async with asyncio.timeout(patience_seconds):
                await question()
        except NOT_THERE as error:
            return error
        except asyncpg.PostgresError:
            return None  # it would not let us in, and said so
        except Exception as error:
            return error
        return None

    def _proves_absence(self, error: Exception) -> bool:
        """What hinders new connections only leaves in use those that are there. Where there is none nobody
        can be served, whatever it is."""
        there = self._connections("idle") + self._connections("busy")
        if not there or not says_nothing_of_the_server(error):
            return True
        facts = {"pool": self._name, "why": repr(error), "connections": there}
        logger.warning("no new connection to the database", extra={"facts": facts})
        return False

    def _lose(self, cause: Exception) -> None:
        if self._cause is not None:
            return
        self._cause, self.away_since = cause, time.time()
        self._gauge.set(1)
        logger.warning("database away", extra={"facts": {"pool": self._name, "why": repr(cause)}})
        self.stop()
        self._task = asyncio.create_task(self._await_return())
        for stay in list(self._stays):
            stay.cut()

    async def _await_return(self) -> None:
        wait = _LOOK_FIRST_SECONDS
        while True:
            # Jitter keeps pools and replicas from knocking at a recovering server in step.
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # not a secret
            silence = await self._asked(self._knock, _LOOK_PATIENCE_SECONDS)
            if silence is None:
                silence = await self._asked(self._on_return, _LOOK_PATIENCE_SECONDS)
            if silence is None:
                break
            if type(silence) is not type(self._cause):
                facts = {"pool": self._name, "why": repr(silence)}
                logger.warning("database still away", extra={"facts": facts})
            self._cause = silence
            wait = min(2 * wait, _LOOK_MAX_SECONDS)
        since = self.away_since or time.time()
        self._cause = self.away_since = self._task = None
        self._gauge.set(0)
        seconds = round(time.time() - since, 1)
        logger.warning("database back", extra={"facts": {"pool": self._name, "away_seconds": seconds}})


def says_nothing_of_the_server(error: BaseException) -> bool:
    """Whether a new connection failed on our side of the wire: by a name that is not found, a port, file or
    buffer that is not left, a certificate, or something that nobody foresaw."""
    if isinstance(error, OSError):
        return isinstance(error, socket.gaierror | ssl.SSLError) or error.errno in _OUR_OWN_LIMITS
    return not isinstance(error, asyncpg.PostgresError)


def cpu_waited_seconds() -> float:
    """How long, since the machine started, at least one of its processes has waited for a CPU; 0 where Linux
    does not tell (pressure stall information, Documentation/accounting/psi.rst)."""
    try:
        told = _PRESSURE.read_text()
    except OSError:
        return 0.0
    return int(told.partition("total=")[2].split()[0]) / 1e6


def cut_short(waiting: asyncio.Timeout) -> None:
    """Lets a wait end now."""
    with suppress(RuntimeError):  # it just has
        waiting.reschedule(asyncio.get_running_loop().time())
