"""A real process: its two ports, and an end that loses no request."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = textwrap.dedent(
    """
    import asyncio
    from contextlib import asynccontextmanager
    import uvloop
    from services.operations import operation
    from services.service import Service
    from services.settings import ProcessSettings

    async def slow(call):
        await asyncio.sleep(1)
        return {"done": True}

    async def fast(call):
        return {"done": True}

    @asynccontextmanager
    async def resources(settings, lifecycle):
        lifecycle.schema_compatible = True
        yield None
        print("resources closed", flush=True)

    operations = [operation("GET", "/slow", slow, ""), operation("GET", "/fast", fast, "")]
    uvloop.run(Service("probe", operations, resources).run(ProcessSettings.read()))
    """
)


class Process:
    def __init__(self, **variables: str) -> None:
        self.app, self.ops = _free_port(), _free_port()
        ports = {"APP_PORT": str(self.app), "OPS_PORT": str(self.ops)}
        self.child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, **ports, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )

    def url(self, path: str, port: int | None = None) -> str:
        return f"http://127.0.0.1:{port or self.app}{path}"

    def status(self, path: str, port: int | None = None) -> int | None:
        try:
            return httpx.get(self.url(path, port), trust_env=False).status_code
        except httpx.TransportError:
            return None


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def start_process(**variables: str) -> Process:
        process = Process(**variables)
        running.append(process)
        _until(lambda: process.status("/readyz", process.ops) == 200, "it never became ready")
        return process

    yield start_process
    for process in running:
        process.child.kill()
        process.child.communicate()


def test_the_ops_port_has_its_doors_and_the_app_port_has_none_of_them(start: Callable[..., Process]) -> None:
    process = start(RELEASE="r7")
    for path in ("/livez", "/readyz", "/metrics"):
        assert process.status(path, process.ops) == 200
        assert process.status(path) == 404
    metrics = httpx.get(process.url("/metrics", process.ops), trust_env=False).text
    assert 'build_info{service="probe",version="r7"} 1.0' in metrics


def test_on_sigterm_it_turns_unready_serves_on_finishes_what_runs_and_exits_0(
    start: Callable[..., Process],
) -> None:
    process = start(LAME_DUCK_SECONDS="1.5")
    with httpx.Client(trust_env=False) as kept:
        assert kept.get(process.url("/fast")).status_code == 200
        process.child.send_signal(signal.SIGTERM)
        _until(lambda: process.status("/readyz", process.ops) == 503, "it stayed ready")
        assert process.status("/livez", process.ops) == 200
        goodbye = kept.get(process.url("/fast"))
        assert (goodbye.status_code, goodbye.headers["connection"]) == (200, "close")
        assert httpx.get(process.url("/slow"), trust_env=False).status_code == 200
    output, _ = process.child.communicate(timeout=15)
    assert process.child.returncode == 0
    assert "resources closed" in output


def test_a_request_in_flight_survives_the_end_of_the_lame_duck_time(start: Callable[..., Process]) -> None:
    process = start(LAME_DUCK_SECONDS="0")
    with socket.create_connection(("127.0.0.1", process.app)) as line:
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n")
        _until(lambda: 'http_requests_in_flight{service="probe"} 1.0' in _metrics(process), "never in flight")
        process.child.send_signal(signal.SIGTERM)
        assert b'{"done":true}' in line.makefile("rb").read()
    assert process.child.wait(timeout=15) == 0


def test_a_second_signal_ends_the_lame_duck_time(start: Callable[..., Process]) -> None:
    process = start(LAME_DUCK_SECONDS="600")
    process.child.send_signal(signal.SIGTERM)
    _until(lambda: process.status("/readyz", process.ops) == 503, "it stayed ready")
    process.child.send_signal(signal.SIGTERM)
    assert process.child.wait(timeout=15) == 0


def test_a_bad_setting_ends_it_with_one_line() -> None:
    process = Process(APP_HOST="127.0.0.1", KEEP_ALIVE_SECONDS="for ever")
    assert process.child.wait(timeout=15) == 1
    process.child.communicate()


def _metrics(process: Process) -> str:
    return httpx.get(process.url("/metrics", process.ops), trust_env=False).text
