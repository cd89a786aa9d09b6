"""`python -m tests.deploy.two_nodes`: a store on two engines; one node is drained, then one is lost, under a
foreign load. By hand, as root; it prints what was counted."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.console import say, step
from ops.deploy.manifest import WEB, WORKERS
from tests.deploy.engine import Engine, running_engine
from tests.deploy.load import running_load
from tests.deploy.operator import Operator
from tests.deploy.whole_store import Ground, bare_ground
from tests.store import wait_until

SERVICES = [f"shop_{service}" for service in (*WEB, *WORKERS)]
AFTERWARDS_SECONDS = 20.0  # the load goes on, for what comes late


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="kiosk-two-nodes-"))
    try:
        with bare_ground(folder) as ground, running_engine() as second:
            _measure(ground, second, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(ground: Ground, second: Engine, folder: Path) -> None:
    first = ground.engine
    second.join_swarm(first)
    first.docker("node", "update", "--label-add", "kiosk.data=true", first.name)
    shutil.copy(folder / ".env.test", ground.clone)
    operator = Operator(ground.clone, first, ground.destination)
    assert operator.run("deploy").status == 0, operator.said()
    say(f"  replicas: {_placed(first)}")
    replicas = sum(_placed(first).values())
    with _counted(ground, folder, "drain"):
        first.docker("node", "update", "--availability", "drain", second.name)
        with step("everything runs on the first node"):
            wait_until(lambda: _all_on(first, replicas), "all replicas moved", 180)
    first.docker("node", "update", "--availability", "active", second.name)
    assert operator.run("deploy").status == 0, operator.said()  # spreads them again
    say(f"  replicas: {_placed(first)}")
    with _counted(ground, folder, "loss"):
        _cut_off(second)
        with step("everything runs on the first node"):
            wait_until(lambda: _all_on(first, replicas), "all replicas replaced", 180)


@contextmanager
def _counted(ground: Ground, folder: Path, what: str) -> Iterator[None]:
    with running_load(ground.url, folder, pause_ms=50) as load:
        yield
        time.sleep(AFTERWARDS_SECONDS)  # the measure itself: nothing may fail in all this time
        outcome = load.stop()
    say(f"  {what}: {outcome.requests} requests, {outcome.failed} failed")
    say(outcome.report)


def _cut_off(engine: Engine) -> None:
    """Its cable is pulled: nothing answers, nothing is refused."""
    number = engine.address.split(".")[2]
    subprocess.run(["ip", "link", "set", f"kiosk{number}", "down"], check=True)


def _rows(manager: Engine) -> list[tuple[str, str]]:
    """Node and state of every task that is to run."""
    chosen = ("--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}")
    lines = manager.docker("service", "ps", *chosen, *SERVICES).splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines]


def _placed(manager: Engine) -> dict[str, int]:
    nodes = [node for node, _ in _rows(manager)]
    return {node: nodes.count(node) for node in sorted(set(nodes))}


def _all_on(manager: Engine, replicas: int) -> bool:
    """Whether so many run, and all of them on the manager's own node."""
    rows = _rows(manager)
    return len(rows) == replicas and all(row == (manager.name, "Running") for row in rows)


if __name__ == "__main__":
    main()
