"""A monitor believes the first look at once and changes its mind after two."""

import asyncio

import pytest

from services.health.aggregate import aggregate
from services.health.monitor import Finding, Monitor, Probe, Status

pytestmark = pytest.mark.anyio


class Dependency:
    def __init__(self) -> None:
        self.status: Status | Exception = "ok"
        self.hangs = False

    async def look(self) -> Finding:
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.status, Exception):
            raise self.status
        return Finding(self.status, {"seen": True})


def _monitor(dependency: Dependency, name: str = "redis", *, critical: bool = False) -> Monitor:
    return Monitor(Probe(name, critical, dependency.look), interval_seconds=5, timeout_seconds=0.05)


async def _look(monitor: Monitor) -> Status:
    await monitor.look()
    return monitor.status


async def test_the_first_look_counts_at_once() -> None:
    monitor = _monitor(Dependency())
    assert [monitor.status, await _look(monitor)] == ["unknown", "ok"]


async def test_it_takes_two_bad_looks_to_go_down_and_two_good_ones_to_come_back() -> None:
    dependency = Dependency()
    monitor = _monitor(dependency)
    assert await _look(monitor) == "ok"
    dependency.status = ConnectionRefusedError("no")
    assert [await _look(monitor), await _look(monitor)] == ["ok", "down"]
    assert monitor.detail == {"error": "ConnectionRefusedError: no"}
    dependency.status = "ok"
    assert [await _look(monitor), await _look(monitor)] == ["down", "ok"]


async def test_until_it_was_good_once_every_look_counts() -> None:
    dependency = Dependency()
    dependency.status = "down"
    monitor = _monitor(dependency)
    assert await _look(monitor) == "down"
    dependency.status = "ok"
    assert await _look(monitor) == "ok"
    dependency.status = "down"
    assert await _look(monitor) == "ok"


async def test_a_single_bad_look_between_good_ones_changes_nothing() -> None:
    dependency = Dependency()
    monitor = _monitor(dependency)
    looks: tuple[Status, ...] = ("ok", "down", "ok", "down", "ok")
    for dependency.status in looks:
        assert await _look(monitor) == "ok"


async def test_a_dependency_that_hangs_is_down() -> None:
    dependency = Dependency()
    dependency.hangs = True
    monitor = _monitor(dependency)
    assert await _look(monitor) == "down"


@pytest.mark.parametrize(
    ("critical", "status", "overall"),
    [
        (True, "down", "down"),
        (True, "degraded", "degraded"),
        (False, "down", "degraded"),
        (False, "ok", "ok"),
    ],
)
async def test_only_a_critical_dependency_takes_the_shop_down(
    critical: bool, status: Status, overall: Status
) -> None:
    bad, good = Dependency(), Dependency()
    bad.status = status
    monitors = [_monitor(bad, critical=critical), _monitor(good, "database", critical=True)]
    for monitor in monitors:
        await monitor.look()
    health = aggregate(monitors, "r1", with_details=False)
    assert (health.status, health.version) == (overall, "r1")
    assert health.checks["redis"].detail is None
    assert aggregate(monitors, "r1", with_details=True).checks["database"].detail == {"seen": True}
