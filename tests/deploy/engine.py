"""A Docker engine of the test's own: a real `dockerd` in a network namespace that the test makes and
removes, so that its swarm, its ports and its firewall rules meet nobody else's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.store import wait_until

DOCKER = "/usr/bin/docker"  # Debian's docker.io; another client on the PATH may lack BuildKit
START_SECONDS = 60
STOP_SECONDS = 60


class DockerFailed(Exception):
    """A docker command did not succeed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`address` is the engine's own, as the test reaches it; `gateway` the test's, as the engine's
    containers reach it."""

    name: str
    folder: Path
    address: str
    gateway: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """What makes any docker command talk to this engine."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.folder}/docker.sock", "DOCKER_BUILDKIT": "1"}

    def docker(self, *arguments: str, given: bytes | None = None, timeout_seconds: float = 300) -> str:
        """Runs a docker command; its output. Raises DockerFailed."""
        done = subprocess.run(
            [DOCKER, *arguments],
            check=False,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=timeout_seconds,
            env=self.environment,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise DockerFailed(f"docker {' '.join(arguments)}: {done.returncode}\n{said}")
        return done.stdout.decode().strip()

    def init_swarm(self) -> None:
        """Makes this engine the only manager of a swarm of one."""
        pool = ("--default-addr-pool", "10.213.0.0/16")
        self.docker("swarm", "init", "--advertise-addr", self.address, *pool)

    def join_swarm(self, manager: Engine, role: str = "worker") -> None:
        """Makes this engine one more node of another's swarm."""
        token = manager.docker("swarm", "join-token", "--quiet", role)
        own = ("--advertise-addr", self.address, "--token", token)
        self.docker("swarm", "join", *own, f"{manager.address}:2377")


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Starts an engine and takes everything of it away in the end. Needs root."""
    number, name = _claim_namespace()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/var/tmp"))  # a disk: layers are large
    gateway, address = f"10.210.{number}.1", f"10.210.{number}.2"
    try:
        _connect(name, number, gateway, address)
        daemon = _start(name, folder, number)
        try:
            engine = Engine(name, folder, address, gateway, daemon.pid)
            _await(engine, daemon)
            yield engine
        finally:
            _stop(daemon)
    finally:
        _unmount(folder)
        _rule("-D", number)
        subprocess.run(["ip", "link", "del", _link(number)], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _unmount(folder: Path) -> None:
    """What dockerd leaves mounted: its layers and the namespaces of its networks."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in reversed([place for place in mounted if place.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def _claim_namespace() -> tuple[int, str]:
    """`ip netns add` fails where the name is taken, so a number belongs to one test run."""
    for number in range(1, 250):
        name = f"kiosk-engine-{number}"
        if subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode == 0:
            return number, name
    raise RuntimeError("no network namespace to be had: is this root?")


def _link(number: int) -> str:
    return f"kiosk{number}"


def _connect(name: str, number: int, gateway: str, address: str) -> None:
    """A cable between the machine and the namespace, and a way out for package installs."""
    for command in (
        f"ip link add {_link(number)} type veth peer name eth0 netns {name}",
        f"ip addr add {gateway}/24 dev {_link(number)}",
        f"ip link set {_link(number)} up",
        f"ip -n {name} addr add {address}/24 dev eth0",
        f"ip -n {name} link set eth0 up",
        f"ip -n {name} link set lo up",
        f"ip -n {name} route add default via {gateway}",
        "sysctl -qw net.ipv4.ip_forward=1",
    ):
        subprocess.run(command.split(), check=True)
    _rule("-A", number)


def _rule(verb: str, number: int) -> None:
    # Engines among themselves keep their addresses: the nodes of a swarm know each other by them.
    rule = ["POSTROUTING", "-s", f"10.210.{number}.0/24", "!", "-d", "10.210.0.0/16", "-j", "MASQUERADE"]
    subprocess.run(["iptables", "-w", "-t", "nat", verb, *rule], check=verb == "-A")


def _start(name: str, folder: Path, number: int) -> subprocess.Popen[bytes]:
    """`nsenter`, not `ip netns exec`: that hides the cgroup mounts, and the engine refuses to start."""
    daemon = [
        *("dockerd", "-H", f"unix://{folder}/docker.sock", "--data-root", f"{folder}/data"),
        *("--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid", "--bip", f"10.211.{number}.1/24"),
        *("--insecure-registry", "10.210.0.0/16", "--default-address-pool", "base=10.212.0.0/16,size=24"),
    ]
    inside = ["nsenter", f"--net=/run/netns/{name}", "unshare", "--uts", "sh", "-c"]
    with (folder / "log").open("wb") as log:
        script = 'hostname "$0"; exec "$@"'
        return subprocess.Popen([*inside, script, name, *daemon], stdout=log, stderr=log, cwd="/")


def _await(engine: Engine, daemon: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert daemon.poll() is None, "dockerd ended"
        try:
            engine.docker("version", timeout_seconds=10)
        except (DockerFailed, subprocess.TimeoutExpired):
            return False
        return True

    try:
        wait_until(answers, "dockerd answers", START_SECONDS)
    except AssertionError as error:
        said = (engine.folder / "log").read_text(errors="replace")[-3000:]
        raise RuntimeError(f"dockerd did not start: {error}\n{said}") from None


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    """SIGTERM: it stops its containers and unmounts what it mounted."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
