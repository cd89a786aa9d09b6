"""A registry of the test's own (Debian's docker-registry), where its engine reaches it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import needs_program
from tests.deploy.engine import Engine
from tests.store import wait_until

PORT = 5000


@contextmanager
def running_registry(engine: Engine, folder: Path) -> Iterator[str]:
    """Its address, such as `10.210.1.1:5000`. Engines of tests speak plain http with it."""
    program = needs_program("docker-registry")
    settings = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"{engine.gateway}:{PORT}"},
    }
    file = folder / "registry.yml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "registry.log").open("wb") as log:
        registry = subprocess.Popen([program, "serve", str(file)], stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(engine.gateway), "the registry listens")
        yield f"{engine.gateway}:{PORT}"
    finally:
        registry.terminate()
        registry.wait(timeout=30)


def _listens(host: str) -> bool:
    with socket.socket() as line:
        line.settimeout(1)
        return line.connect_ex((host, PORT)) == 0
