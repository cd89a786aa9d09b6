"""One change at a time: a lock in the swarm that ends by itself when its holder is gone.

The lock is a config `STACK_lock_NNNNNN`; the swarm lets only one of two creators have a name. The holder
creates the next number every ten seconds and removes the one before, so the config's age, by the engine's
own clock, tells when the holder was last alive.
"""

from __future__ import annotations

import base64
import getpass
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from ops.console import OperatorError, outlive_readers, say
from ops.deploy.docker import Docker, DockerError
from ops.deploy.secrets import STACK_LABEL

HEARTBEAT_SECONDS = 10.0
EXPIRES_SECONDS = 60.0
# Who could not renew for so long stops by itself, well before another may take over.
_GIVES_UP_SECONDS = 45.0
_AGAIN_SECONDS = 2.0
_LOCK_LABEL = "kiosk.lock"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?.*?(Z|[+-]\d\d:?\d\d)")


class LockTaken(OperatorError):
    """Somebody else changes this stack now, or keeps everybody from it."""


class LockLost(Exception):
    """The lock could not be renewed, or somebody broke it: from here on nothing may be changed."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lock, since when (UTC, RFC 3339) and why. A lock by hand has no heartbeat and no end."""

    token: str
    who: str
    why: str
    since: str
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as it is found: `age_seconds` is since its last heartbeat, by the engine's clock."""

    number: int
    holder: Holder
    age_seconds: float

    @property
    def expired(self) -> bool:
        return not self.holder.by_hand and self.age_seconds > EXPIRES_SECONDS

    @property
    def words(self) -> str:
        since = f"since {self.holder.since}"
        if self.holder.by_hand:
            return f"locked by {self.holder.who} {since}: {self.holder.why}"
        heard = f"last heard of {self.age_seconds:.0f} s ago"
        return f"{self.holder.who} holds the lock {since}, {heard}: {self.holder.why}"


def whoami() -> str:
    """Who is at work, for lock and ledger: KIOSK_WHO (a pipeline may say), else user@machine."""
    return os.environ.get("KIOSK_WHO") or f"{getpass.getuser()}@{socket.gethostname()}"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status(docker: Docker, stack: str) -> Held | None:
    """Who holds the lock; None when it is free (or expired). Raises DockerError."""
    found = _found(docker, stack)
    return None if not found or found[0].expired else found[0]


def break_lock(docker: Docker, stack: str) -> None:
    """Takes the lock away from whoever holds it. Raises DockerError."""
    for name in _names(docker, stack):
        _remove(docker, name)


def lock_by_hand(docker: Docker, stack: str, who: str, message: str) -> None:
    """Locks until `make unlock`. Raises LockTaken, DockerError."""
    _take(docker, stack, Holder(secrets.token_hex(8), who, message, now(), by_hand=True), 0.0)


@dataclass
class Lock:
    """A lock that this process holds. `check` before every step that changes something."""

    docker: Docker
    stack: str
    holder: Holder
    number: int
    renewed_at: float
    lost: str | None = None
    _end: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raises LockLost when it isn't ours any more, or may not be."""
        silent_seconds = time.monotonic() - self.renewed_at
        if self.lost is None and silent_seconds > _GIVES_UP_SECONDS:
            self.lost = f"it could not be renewed for {silent_seconds:.0f} s"
        if self.lost is not None:
            raise LockLost(f"lost the lock: {self.lost}")

    def keep(self) -> None:
        """The heartbeat; runs in a thread until `release`, or until the lock is lost."""
        wait = HEARTBEAT_SECONDS
        while self.lost is None and not self._end.wait(wait):
            try:
                self._renew()
                wait = HEARTBEAT_SECONDS
            except DockerError:  # the engine may be away for a moment; `check` knows for how long
                wait = _AGAIN_SECONDS

    def _renew(self) -> None:
        """The next number has to be free, and ours still there: else somebody took over meanwhile."""
        started, following = time.monotonic(), self.number + 1
        made = _create(self.docker, self.stack, following, self.holder)
        found = _found(self.docker, self.stack)
        ours = {held.number for held in found if held.holder.token == self.holder.token}
        strangers = [held for held in found if held.number not in ours and held.number >= self.number]
        if strangers:
            self.lost = strangers[0].words
        elif not made and following not in ours:
            self.lost = "somebody else holds it"
        elif self.number not in ours:
            self.lost = "somebody broke it (make unlock)"
        if self.lost is not None:
            if made:
                _remove(self.docker, _name(self.stack, following))
            return
        _remove(self.docker, _name(self.stack, self.number))
        self.number, self.renewed_at = following, started

    def end(self) -> None:
        self._end.set()


@contextmanager
def held(docker: Docker, stack: str, who: str, why: str, wait_seconds: float = 0.0) -> Iterator[Lock]:
    """Holds the lock inside, with a heartbeat. Raises LockTaken when somebody else has it (after waiting
    `wait_seconds`), DockerError. Whoever holds it finishes what it does, with or without a reader."""
    outlive_readers()
    holder = Holder(secrets.token_hex(8), who, why, now())
    lock = None
    try:
        number = _take(docker, stack, holder, wait_seconds)
        lock = Lock(docker, stack, holder, number, time.monotonic())
        heartbeat = threading.Thread(target=lock.keep, name="lock", daemon=True)
        heartbeat.start()
        yield lock
    finally:
        if lock is not None:
            lock.end()
            heartbeat.join(timeout=90)
        _let_go(docker, stack, holder)


def _let_go(docker: Docker, stack: str, holder: Holder) -> None:
    """Also what an interrupted `_take` may have left. Without the engine it expires by itself."""
    with suppress(DockerError):
        for one in _found(docker, stack):
            if one.holder.token == holder.token:
                _remove(docker, _name(stack, one.number))


def _take(docker: Docker, stack: str, holder: Holder, wait_seconds: float) -> int:
    """Takes it when it is free or expired; the number it got."""
    deadline, told = time.monotonic() + wait_seconds, False
    while True:
        found = _found(docker, stack)
        if not found or found[0].expired:
            number = found[0].number + 1 if found else 1
            if _create(docker, stack, number, holder) and _is_highest(docker, stack, number):
                for expired in found:
                    _remove(docker, _name(stack, expired.number))
                return number
        elif time.monotonic() >= deadline:
            raise LockTaken(f"{found[0].words}. {_advice(found[0])}")
        elif not told:
            say(f"  {found[0].words}; waiting up to {wait_seconds:.0f} s")
            told = True
        time.sleep(min(_AGAIN_SECONDS, max(0.1, deadline - time.monotonic())))


def _advice(taken: Held) -> str:
    if taken.holder.by_hand:
        return "When that is over: make unlock"
    return (
        f"Wait for it (LOCK_WAIT_SECONDS waits by itself); if its process is gone, "
        f"the lock ends {EXPIRES_SECONDS:.0f} s after its last sign of life"
    )


def _is_highest(docker: Docker, stack: str, number: int) -> bool:
    """Whoever looked when a holder was between two numbers could get a lower one: that is given back."""
    if max((held.number for held in _found(docker, stack)), default=number) == number:
        return True
    _remove(docker, _name(stack, number))
    return False


def _create(docker: Docker, stack: str, number: int, holder: Holder) -> bool:
    """False when somebody else has the number."""
    labels = ("--label", f"{STACK_LABEL}={stack}", "--label", _LOCK_LABEL)
    given = msgspec.json.encode(holder)
    try:
        docker.run("config", "create", *labels, _name(stack, number), "-", given=given)
    except DockerError as error:
        if "already exists" in error.said.lower():
            return False
        raise
    return True


def _remove(docker: Docker, name: str) -> None:
    try:
        docker.run("config", "rm", name)
    except DockerError as error:
        if not error.says_it_is_not_there:
            raise


def _name(stack: str, number: int) -> str:
    return f"{stack}_lock_{number:06}"


def _names(docker: Docker, stack: str) -> list[str]:
    chosen = ("--filter", f"label={STACK_LABEL}={stack}", "--filter", f"label={_LOCK_LABEL}")
    return docker.lines("config", "ls", *chosen, "--format", "{{.Name}}")


def _found(docker: Docker, stack: str) -> list[Held]:
    """All there are, the highest number first: usually none or one, two during a heartbeat."""
    names = _names(docker, stack)
    if not names:
        return []
    time_now = engine_time(docker)
    found = []
    for name in names:
        config = docker.find("config", name)
        if config is not None:  # else it was renewed just now
            holder = msgspec.json.decode(base64.b64decode(config["Spec"]["Data"]), type=Holder)
            age = (time_now - parse_time(config["CreatedAt"])).total_seconds()
            found.append(Held(int(name.rpartition("_")[2]), holder, age))
    return sorted(found, key=lambda one: one.number, reverse=True)


def engine_time(docker: Docker) -> datetime:
    """The engine's clock. Raises DockerError."""
    return parse_time(docker.run("info", "--format", "{{.SystemTime}}"))


def parse_time(text: str) -> datetime:
    """Docker's ways to write a time; nanoseconds are cut. Raises ValueError."""
    found = _TIME.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    zone = "+00:00" if found[4] == "Z" else found[4]
    return datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '.0')[:7]:0<7}{zone}")
