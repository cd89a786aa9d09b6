"""The times that have to fit each other so that no request is lost: ours, the engine's and Traefik's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from ops.deploy.destination import ROOT, Destination
from ops.deploy.values import grace_seconds, lame_duck_seconds
from services.process import UNREADY_SECONDS
from services.settings import ProcessSettings, WorkerSettings

MARGIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Times:
    """All in seconds. `traefik_*` are what our files say, the rest the destination."""

    lame_duck: float
    drain: float
    web_grace: float
    worker_stop: float
    worker_grace: float
    keep_alive: float
    traefik_refresh: float
    traefik_throttle: float
    traefik_idle: float


def times_of(destination: Destination, folder: Path = ROOT) -> Times:
    """Raises SettingError."""
    process, grace = destination.read(ProcessSettings), grace_seconds(destination)
    refresh, throttle, idle = _traefik(folder)
    return Times(
        lame_duck=lame_duck_seconds(destination),
        drain=process.drain_seconds,
        web_grace=grace["WEB_GRACE_SECONDS"],
        worker_stop=destination.read(WorkerSettings).worker_stop_seconds,
        worker_grace=grace["WORKER_GRACE_SECONDS"],
        keep_alive=process.keep_alive_seconds,
        traefik_refresh=refresh,
        traefik_throttle=throttle,
        traefik_idle=idle,
    )


def problems_with(times: Times) -> list[str]:
    """What does not fit, each with what to do."""
    notice = times.traefik_refresh + times.traefik_throttle + UNREADY_SECONDS + MARGIN_SECONDS
    found = []
    if times.lame_duck < notice:
        found.append(
            f"LAME_DUCK_SECONDS is {times.lame_duck:g}: Traefik needs up to {notice:g} s to learn of the new "
            f"replicas and then that the old ones go; set {notice:g} or more"
        )
    if times.web_grace < times.lame_duck + times.drain + MARGIN_SECONDS:
        found.append(
            f"the engine kills services after {times.web_grace:g} s, before LAME_DUCK_SECONDS and "
            f"DRAIN_SECONDS ({times.lame_duck + times.drain:g} s) are over; raise its stop_grace_period"
        )
    if times.worker_grace < times.worker_stop + MARGIN_SECONDS:
        found.append(
            f"the engine kills workers after {times.worker_grace:g} s, before WORKER_STOP_SECONDS "
            f"({times.worker_stop:g} s) are over; raise stop_grace_period in deploy.yml"
        )
    if times.keep_alive <= times.traefik_idle:
        found.append(
            f"KEEP_ALIVE_SECONDS is {times.keep_alive:g}: Traefik keeps connections for "
            f"{times.traefik_idle:g} s, so we would hang up first and lose a request; set 75"
        )
    return found


@cache
def _traefik(folder: Path) -> tuple[float, float, float]:
    static = yaml.safe_load((folder / "traefik" / "swarm.yml").read_text())
    providers, transport = static["providers"], static["serversTransport"]["forwardingTimeouts"]
    return (
        _seconds(providers["swarm"]["refreshSeconds"]),
        _seconds(providers["providersThrottleDuration"]),
        _seconds(transport["idleConnTimeout"]),
    )


def _seconds(written: object) -> float:
    """Of `500ms`, `30s` or a bare number."""
    text = str(written)
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    return float(text.removesuffix("s"))
