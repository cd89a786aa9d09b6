"""The real Traefik, with the routes that all providers share, before the servers that a test gives it."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ops.local.edge import Edge, Upstream
from ops.local.ports import choose_ports
from ops.local.server_process import ServerProcess, wait_until


@contextmanager
def running_edge(
    folder: Path, upstreams: Sequence[Upstream], more_routes: Mapping[str, Any] | None = None
) -> Iterator[Edge]:
    """Until `/` leads somewhere, as it does as soon as Traefik has read its routes; `more_routes` stand in a
    file beside them."""
    ports = choose_ports(folder / "ports.json", ("public", "internal", "ping"))
    edge = Edge(folder, ports["public"], ports["internal"], ports["ping"])
    edge.write(list(upstreams))
    if more_routes is not None:
        _add_routes(edge, more_routes)
    process = ServerProcess("Traefik", folder / "traefik.log", signal.SIGTERM)
    given = {**edge.environment, "RATE_LIMIT_ENABLED": "no"}
    command = ["/usr/bin/env", *(f"{name}={value}" for name, value in given.items()), *edge.command()]
    process.start(command, lambda: _status(edge.ping_url) == 200)
    try:
        assert wait_until(lambda: _status(edge.internal_url + "/") not in (None, 404), 30)
        yield edge
    finally:
        process.stop()


def _add_routes(edge: Edge, more_routes: Mapping[str, Any]) -> None:
    """In a copy: the edge's own folder has links to the project's files."""
    linked, copied = edge.folder / "dynamic", edge.folder / "copied"
    shutil.copytree(linked, copied)
    (copied / "more.yml").write_text(json.dumps(more_routes))
    settings = edge.settings_file.read_text()
    assert settings.count(str(linked)) == 1
    edge.settings_file.write_text(settings.replace(str(linked), str(copied)))


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return None
