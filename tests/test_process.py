"""A real process: its two ports, and an end that loses no request."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import yaml

from ops.local.ports import choose_ports
from services.settings import ProcessSettings

ROOT = Path(__file__).parent.parent
PROGRAM = textwrap.dedent(
    """
    import asyncio, os
    from contextlib import asynccontextmanager
    from pathlib import Path
    import uvloop
    from services import process
    from services.operations import operation
    from services.service import Service
    from services.errors import DatabaseUnavailable
    from services.settings import ProcessSettings

    async def home(call):
        if Path(os.environ.get("BROKEN", "/nowhere")).exists():
            raise RuntimeError("broken")
        return {"home": True}

    async def database(call):
        raise DatabaseUnavailable()

    async def slow(call):
        while not Path(os.environ.get("GATE", "/")).exists():
            await asyncio.sleep(0.01)
        return {"done": True}

    async def fast(call):
        return {"done": True}

    @asynccontextmanager
    async def resources(settings, lifecycle):
        lifecycle.schema_compatible = "MIGRATING" not in os.environ
        yield None
        print("resources closed", flush=True)

    answers = {"/": home, "/database": database, "/slow": slow, "/fast": fast}
    operations = [operation("GET", path, answer, "") for path, answer in answers.items()]
    paths = ("/", "/database", "/never-there")
    process.UNREADY_SECONDS = float(os.environ.get("UNREADY_SECONDS", process.UNREADY_SECONDS))
    uvloop.run(Service("probe", operations, resources, smoke_paths=paths).run(ProcessSettings.read()))
    """
)


class Process:
    def __init__(self, **variables: str) -> None:
        with TemporaryDirectory() as folder:  # both at once, so that they are two
            chosen = choose_ports(Path(folder) / "ports.json", ("app", "ops"))
        self.app, self.ops = chosen["app"], chosen["ops"]
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
            return httpx.get(self.url(path, port), trust_env=False, timeout=20).status_code
        except httpx.TransportError:
            return None

    def says(self, path: str) -> str | None:
        """What the ops port answers."""
        try:
            return httpx.get(self.url(path, self.ops), trust_env=False, timeout=20).text.strip()
        except httpx.TransportError:
            return None

    def healthy(self) -> bool:
        """As Docker would find it."""
        command = [sys.executable, "-I", "-S", str(ROOT / "services" / "healthcheck.py")]
        done = subprocess.run(command, check=False, env={"OPS_PORT": str(self.ops)}, capture_output=True)
        return done.returncode == 0


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def start_process(*, ready: bool = True, **variables: str) -> Process:
        process = Process(**variables)
        running.append(process)
        if ready:
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


def test_what_is_ready_is_healthy_and_its_smoke_may_find_that_a_dependency_is_away(
    start: Callable[..., Process],
) -> None:
    """`start` waits for ready, and `/database` answers 503, `/never-there` 404."""
    process = start()
    assert (process.says("/livez"), process.healthy()) == ("alive", True)


def test_a_process_that_answers_500_to_itself_is_not_ready_until_it_no_longer_does(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    (broken := tmp_path / "broken").touch()
    process = start(BROKEN=str(broken), ready=False)
    _until(lambda: process.says("/readyz") == "waiting for smoke: GET / answered 500", "no word of smoke")
    assert (process.status("/livez", process.ops), process.says("/livez")) == (200, "starting")
    assert not process.healthy()
    broken.unlink()
    _until(lambda: process.says("/readyz") == "ready", "it never became ready")
    broken.touch()
    assert process.status("/") == 500
    assert (process.says("/readyz"), process.says("/livez")) == ("ready", "alive")  # asked once for all


def test_smoke_says_in_the_log_what_keeps_the_process_from_being_ready(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    (broken := tmp_path / "broken").touch()
    process = start(BROKEN=str(broken), ready=False)
    _until(lambda: (process.says("/readyz") or "").startswith("waiting for smoke"), "no word of smoke")
    process.child.send_signal(signal.SIGTERM)
    assert "smoke: GET / answered 500" in process.child.communicate(timeout=60)[0]
    assert process.child.returncode == 0


def test_without_its_schema_a_process_does_not_ask_itself_and_ends_without_lame_duck_time(
    start: Callable[..., Process],
) -> None:
    process = start(MIGRATING="yes", LAME_DUCK_SECONDS="600", ready=False)
    _until(lambda: process.says("/livez") == "starting", "the ops port never answered")
    assert not process.healthy()
    assert 'route="/"' not in _metrics(process)
    process.child.send_signal(signal.SIGTERM)
    assert process.child.wait(timeout=60) == 0


def test_on_sigterm_it_serves_on_turns_unready_finishes_what_runs_and_exits_0(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    process = start(LAME_DUCK_SECONDS="26", UNREADY_SECONDS="20", GATE=str(tmp_path / "gate"))
    with httpx.Client(trust_env=False, timeout=20) as kept:
        assert kept.get(process.url("/fast")).status_code == 200
        process.child.send_signal(signal.SIGTERM)
        _until(lambda: process.says("/readyz") == "draining", "it never heard")
        assert process.status("/readyz", process.ops) == 200  # nobody may know its successor yet
        goodbye = kept.get(process.url("/fast"))
        assert (goodbye.status_code, goodbye.headers["connection"]) == (200, "close")
        _until(lambda: process.status("/readyz", process.ops) == 503, "it stayed ready")
        assert process.status("/livez", process.ops) == 200
        with _slow_request(process) as line:
            process.child.send_signal(signal.SIGTERM)  # the rest of its time is as long as a machine may need
            _let_go(process, tmp_path / "gate")
            assert b'{"done":true}' in line.makefile("rb").read()
    output, _ = process.child.communicate(timeout=60)
    assert process.child.returncode == 0
    assert "resources closed" in output


@contextmanager
def _slow_request(process: Process) -> Iterator[socket.socket]:
    """One that is in flight until the gate is there."""
    with socket.create_connection(("127.0.0.1", process.app)) as line:
        line.sendall(b"GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n")
        _until(lambda: 'http_requests_in_flight{service="probe"} 1.0' in _metrics(process), "never in flight")
        yield line


def _let_go(process: Process, gate: Path) -> None:
    """What is in flight, once nobody else is let in."""
    _until(lambda: process.status("/fast") is None, "its door was never closed")
    gate.touch()


def test_a_request_in_flight_survives_the_end_of_the_lame_duck_time(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    process = start(LAME_DUCK_SECONDS="0", GATE=str(tmp_path / "gate"))
    with _slow_request(process) as line:
        process.child.send_signal(signal.SIGTERM)
        _let_go(process, tmp_path / "gate")
        assert b'{"done":true}' in line.makefile("rb").read()
    assert process.child.wait(timeout=60) == 0


def test_an_idle_connection_is_kept_longer_than_traefik_keeps_it() -> None:
    """Who hangs up first decides whose request is lost: it has to be Traefik."""
    local = yaml.safe_load((ROOT / "traefik" / "local.yml").read_text())
    traefik_keeps = local["serversTransport"]["forwardingTimeouts"]["idleConnTimeout"]
    assert ProcessSettings.read({}).keep_alive_seconds > int(traefik_keeps.removesuffix("s")) * 2


def test_a_second_signal_ends_the_lame_duck_time(start: Callable[..., Process]) -> None:
    process = start(LAME_DUCK_SECONDS="600")
    process.child.send_signal(signal.SIGTERM)
    _until(lambda: process.says("/readyz") == "draining", "it never heard")
    process.child.send_signal(signal.SIGTERM)
    assert process.child.wait(timeout=60) == 0


def test_a_bad_setting_ends_it_with_one_line() -> None:
    process = Process(APP_HOST="127.0.0.1", KEEP_ALIVE_SECONDS="for ever")
    assert process.child.wait(timeout=60) == 1
    process.child.communicate()


def _metrics(process: Process) -> str:
    return httpx.get(process.url("/metrics", process.ops), trust_env=False, timeout=20).text
