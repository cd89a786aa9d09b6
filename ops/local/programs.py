"""What the local stack is made of: every process, its command, its environment, its order."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from typing import Literal

from ops.local.edge import Upstream
from ops.local.leash import leashed

WEB = ("catalog", "checkout", "jobs", "storefront", "health")
WORKERS = ("worker-durable", "worker-fast")
SERVICES = (*WEB, *WORKERS)

Group = Literal["servers", "services", "edge"]  # started in this order, stopped in reverse


@dataclass(frozen=True, slots=True)
class Program:
    """One process that supervisor keeps alive."""

    name: str
    group: Group
    command: list[str]
    stop: signal.Signals = signal.SIGTERM
    stop_seconds: int = 40  # beyond the services' DRAIN_SECONDS and WORKER_STOP_SECONDS
    account: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def command_line(self) -> list[str]:
        """On a leash, so that it ends when supervisor does."""
        return leashed(self.command, self.stop, self.account)


def port_names() -> list[str]:
    """Every local port but the public one."""
    return ["internal", "ping", "sandbox", "sandbox.smtp", *WEB, *(f"{name}.ops" for name in SERVICES)]


def service_programs(ports: dict[str, int]) -> list[Program]:
    return [
        Program(
            name,
            "services",
            [sys.executable, "-m", "services", name],
            environment={"APP_PORT": str(ports.get(name, 0)), "OPS_PORT": str(ports[f"{name}.ops"])},
        )
        for name in SERVICES
    ]


def upstreams(ports: dict[str, int]) -> list[Upstream]:
    services = [Upstream(name, ports[name], ports[f"{name}.ops"]) for name in WEB]
    return [*services, Upstream("sandbox", ports["sandbox"], None)]


def ready_url(name: str, ports: dict[str, int]) -> str:
    return f"http://127.0.0.1:{ports[f'{name}.ops']}/readyz"
