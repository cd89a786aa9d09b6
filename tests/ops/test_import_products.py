"""`make import`: a file into a running catalog, and what the shopkeeper reads."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ops.local.ports import HOST, choose_ports
from ops.local.valkey import TemporaryValkey
from tests.catalog.conftest import a_line, ndjson
from tests.conftest import ADMIN_KEY, PATIENT, ROOT, Databases
from tests.store import START_SECONDS, wait_until

GOOD = ndjson(*(a_line(f"mug-{n}") for n in range(3)))
UNPAYABLE = a_line("cup", variants=[{"sku": "C", "price": -1, "attributes": {}}])
BAD = ndjson(a_line("mug-0"), UNPAYABLE) + b"{oops"


@dataclass(frozen=True)
class Catalog:
    url: str

    def run(self, *arguments: str, sent: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
        """`python -m ops.import_products` against this catalog."""
        done = subprocess.run(
            [sys.executable, "-m", "ops.import_products", *arguments],
            check=False,
            cwd=ROOT,
            env={**os.environ, "INTERNAL_URL": self.url, "ADMIN_API_KEY": ADMIN_KEY, **variables},
            input=sent,
            capture_output=True,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def catalog(
    databases: Databases, valkey: TemporaryValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalog]:
    url = asyncio.run(databases.copy())
    ports = choose_ports(tmp_path_factory.mktemp("catalog") / "ports.json", ("app", "ops"))
    told = {
        **PATIENT,
        "DATABASE_URL": url,
        "REDIS_URL": valkey.url,
        "REDIS_QUEUE_URL": valkey.queue_url,
        "ADMIN_API_KEY": ADMIN_KEY,
        "APP_PORT": str(ports["app"]),
        "OPS_PORT": str(ports["ops"]),
    }
    command = [sys.executable, "-m", "services", "catalog"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **told})
    try:
        wait_until(
            lambda: _ready(f"http://{HOST}:{ports['ops']}/readyz"), "the catalog is ready", START_SECONDS
        )
        yield Catalog(f"http://{HOST}:{ports['app']}")
    finally:
        process.terminate()
        process.wait(timeout=30)
        asyncio.run(databases.drop(url))


def test_a_good_file_is_imported_and_counted(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "products.ndjson"
    file.write_bytes(GOOD)
    done = catalog.run(str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("  import    3 created, 0 updated, 0 unchanged, 0 lines refused in ")
    again = catalog.run("-", sent=GOOD)
    assert (again.returncode, "0 created, 0 updated, 3 unchanged" in again.stdout) == (0, True)


def test_each_error_is_a_line_to_go_by(catalog: Catalog) -> None:
    done = catalog.run("-", sent=BAD)
    assert done.returncode == 1
    first, second, summary = done.stdout.splitlines()
    assert first == "line 2: variants[0].price: expected int >= 0"
    assert second.startswith("line 3: This is not JSON: ")
    assert "2 lines refused" in summary


def test_errors_beyond_the_listed_ones_are_told_of(catalog: Catalog) -> None:
    done = catalog.run("-", sent=b"{}\n" * 200)
    assert done.returncode == 1
    assert done.stdout.count("is required") == 1000
    assert "and 600 more errors" in done.stdout
    assert "125+ lines refused" in done.stdout


@pytest.mark.parametrize(
    ("file", "variables", "problem"),
    [
        ("-", {"ADMIN_API_KEY": "wrong"}, "answered 401: A valid key is needed"),
        ("-", {"INTERNAL_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
        ("-", {"ADMIN_API_KEY": ""}, "ADMIN_API_KEY is not set"),
        ("/nowhere/products.ndjson", {}, "/nowhere/products.ndjson: No such file or directory"),
    ],
    ids=str,
)
def test_a_store_that_takes_nothing_is_a_failure_in_one_line(
    catalog: Catalog, file: str, variables: dict[str, str], problem: str
) -> None:
    done = catalog.run(file, sent=GOOD * 1000, **variables)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("kiosk: ")
    assert problem in line
