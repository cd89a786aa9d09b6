"""What is measured: a real PostgreSQL, Valkey, catalog and Traefik, and a bare ASGI answer behind the
same Traefik: the most that any application here could do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.local.edge import Edge, Upstream
from ops.local.ports import HOST, choose_ports
from ops.local.postgres import temporary_postgres
from ops.local.valkey import temporary_valkey

ROOT = Path(__file__).parent.parent
_PORTS = ("public", "internal", "ping", "catalog", "catalog-ops", "bare")
_BARE_ROUTE = """
http:
  routers:
    bare: {{rule: 'Path(`/bare`)', service: bare}}
  services:
    bare: {{loadBalancer: {{servers: [{{url: 'http://{host}:{port}'}}]}}}}
"""


@dataclass(frozen=True, slots=True)
class Stand:
    url: str
    database_url: str


@contextmanager
def stand(products: int, folder: Path) -> Iterator[Stand]:
    """Everything up, with a demo catalog of so many products; all gone at the end."""
    ports = choose_ports(folder / "ports.json", _PORTS)
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(temporary_postgres()), stack.enter_context(temporary_valkey())
        edge = Edge(folder, ports["public"], ports["internal"], ports["ping"])
        edge.write([Upstream("catalog", ports["catalog"], ports["catalog-ops"])])
        (folder / "dynamic" / "bare.yml").write_text(_BARE_ROUTE.format(host=HOST, port=ports["bare"]))
        variables = {
            "DATABASE_URL": postgres.url,
            "RATE_LIMIT_ENABLED": "no",
            "REDIS_URL": valkey.url,
            "REDIS_QUEUE_URL": valkey.queue_url,
            "APP_PORT": str(ports["catalog"]),
            "OPS_PORT": str(ports["catalog-ops"]),
            "LOG_LEVEL": "WARNING",
        }
        python = [sys.executable, "-m"]
        run_module([*python, "ops.migrate"], variables)
        run_module([*python, "ops.demo", "--products", str(products)], variables)
        stack.enter_context(child([*python, "services", "catalog"], variables))
        stack.enter_context(child([*python, "bench.bare", str(ports["bare"])], {}))
        stack.enter_context(child(edge.command(), edge.environment | {"RATE_LIMIT_ENABLED": "no"}))
        until_answered(f"{edge.public_url}/bare")
        until_answered(f"{edge.public_url}/api/catalog/categories")
        yield Stand(edge.public_url, postgres.url)


def run_module(command: list[str], variables: dict[str, str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)


@contextmanager
def child(command: list[str], variables: dict[str, str]) -> Iterator[None]:
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def until_answered(url: str, status: int = 200) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310  # loopback
                return
        except urllib.error.HTTPError as error:
            if error.code == status:
                return
            time.sleep(0.05)
        except OSError:
            time.sleep(0.05)
    sys.exit(f"bench: {url} never answered")
