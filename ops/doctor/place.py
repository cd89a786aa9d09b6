"""Where the doctor calls: the store that runs in this clone, a destination's, or any address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.deploy.destination import ROOT, read_destination
from ops.deploy.settings import ProbeSettings
from ops.local.state import State, open_state
from services.settings import ProcessSettings

_WORD = re.compile(r"\{(logs|make):([^}]*)\}")
# Verbs that a store without a swarm has no use for, and what does the same there.
_LOCALLY = {"migrate": "make migrate", "status": "make doctor"}
_SAME_LOG = {"redis": "valkey"}


@dataclass(frozen=True, slots=True)
class Place:
    """`url` is the public door; `key` opens the details. `log` and `verb` are how to type things there."""

    name: str
    url: str
    key: str | None
    start: str
    log: Callable[[str], str] = field(default=lambda name: f"the log of {name}")
    verb: Callable[[str], str] = field(default=lambda verb: f"make {verb}")

    def filled_in(self, advice: str) -> str:
        """The advice with its commands as they are typed here."""
        return _WORD.sub(lambda word: (self.log if word[1] == "logs" else self.verb)(word[2]), advice)


def local_place() -> Place | None:
    """The stack of this clone; None when it does not run."""
    state = open_state()
    running = state.running()
    if running is None:
        return None
    key = running.environment.get("ADMIN_API_KEY")
    return Place("local", running.address, key, "make up", lambda name: _local_log(state, name), _local_verb)


def _local_log(state: State, name: str) -> str:
    return str(state.log_of(_SAME_LOG.get(name, name)))


def _local_verb(verb: str) -> str:
    return _LOCALLY.get(verb.partition(" ")[0], "`make down`, then `make up`")


def destination_place(name: str, folder: Path = ROOT) -> Place:
    """That of `.env.NAME`. Raises OperatorError, SettingError."""
    destination = read_destination(name, folder)
    process, probe = destination.read(ProcessSettings), destination.read(ProbeSettings)
    to = "" if name == "production" else f" TO={name}"
    url = (probe.probe_url or process.public_url).rstrip("/")
    return Place(
        name,
        url,
        destination.value("ADMIN_API_KEY"),
        f"make status{to}",
        lambda service: f"`make logs SERVICE={service}{to}`",
        lambda verb: f"`make {'deploy' if verb == 'migrate' else verb}{to}`",
    )


def address_place(url: str, key: str | None) -> Place:
    """Any store, by its public door."""
    return Place(url, url.rstrip("/"), key, "see whether anything listens there")
