"""Traefik of the local stack: its settings filled in, and the servers behind each name."""

from __future__ import annotations

import json
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ops.console import OperatorError
from ops.local.ports import HOST

SOURCE = Path(__file__).parent.parent.parent / "traefik"
PROVIDER = "file"
# What production has too, and what only the local stack has.
ROUTES = ("routes.yml", "sandbox_routes.yml")


@dataclass(frozen=True, slots=True)
class Upstream:
    """One service as Traefik sees it: where its app is, and where it says whether it is ready (None: it
    does not say, and is always asked)."""

    name: str
    app_port: int
    ops_port: int | None


@dataclass(frozen=True, slots=True)
class Edge:
    """Where Traefik listens, and the folder its settings are written to."""

    folder: Path
    port: int
    internal_port: int
    ping_port: int
    trusted_proxies: str = ""

    @property
    def settings_file(self) -> Path:
        return self.folder / "traefik.yml"

    @property
    def public_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def internal_url(self) -> str:
        return f"http://{HOST}:{self.internal_port}"

    @property
    def ping_url(self) -> str:
        return f"http://{HOST}:{self.ping_port}/ping"

    def write(self, upstreams: list[Upstream]) -> None:
        """Writes Traefik's settings; the routes are the clone's own files, by links."""
        dynamic = self.folder / "dynamic"
        dynamic.mkdir(parents=True, exist_ok=True)
        for name in ROUTES:
            routes = dynamic / name
            routes.unlink(missing_ok=True)
            routes.symlink_to(SOURCE / name)
        (dynamic / "servers.yml").write_text(json.dumps(_servers(upstreams), indent=2) + "\n")
        proxies = [proxy.strip() for proxy in self.trusted_proxies.split(",") if proxy.strip()]
        filled = Template((SOURCE / "local.yml").read_text()).substitute(
            PORT=self.port,
            INTERNAL_PORT=self.internal_port,
            PING_PORT=self.ping_port,
            TRUSTED_PROXIES=json.dumps(proxies),
            DYNAMIC_FOLDER=json.dumps(str(dynamic)),
        )
        self.settings_file.write_text(filled)

    def command(self) -> list[str]:
        return [_program(), f"--configFile={self.settings_file}"]

    @property
    def environment(self) -> dict[str, str]:
        """What the routes file reads; RATE_LIMIT_* and TRUSTED_PROXY_HOPS come to it as they are."""
        return {"UPSTREAM_PROVIDER": PROVIDER, "TRUSTED_PROXIES": self.trusted_proxies}


def _servers(upstreams: list[Upstream]) -> dict[str, object]:
    """JSON, which is YAML. An un-ready server gets nothing new within about a second."""
    services = {upstream.name: {"loadBalancer": _server(upstream)} for upstream in upstreams}
    return {"http": {"services": services}}


def _server(upstream: Upstream) -> dict[str, object]:
    servers: dict[str, object] = {"servers": [{"url": f"http://{HOST}:{upstream.app_port}"}]}
    if upstream.ops_port is None:
        return servers
    check = {"path": "/readyz", "port": upstream.ops_port, "interval": "1s", "timeout": "1s"}
    return {**servers, "healthCheck": check}


def _program() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "traefik"
    found = str(beside_python) if beside_python.exists() else shutil.which("traefik")
    if found is None:
        raise OperatorError("traefik is not installed (requirements/local.txt)")
    return found
