"""A monitor believes the first look at once and changes its mind after two."""

import asyncio
import time

import pytest

from services.health.aggregate import aggregate
from services.health.monitor import Finding, Monitor, Probe, Status, failed

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


async def test_what_is_never_good_is_looked_at_often_for_a_minute_only() -> None:
    """A certificate that stays bad was asked for every second, for ever, instead of every ten minutes."""
    dependency = Dependency()
    dependency.status = "degraded"
    monitor = _monitor(dependency)
    await monitor.look()
    assert monitor.pause_seconds == 1
    monitor._began_at -= 61
    assert monitor.pause_seconds == 5


async def test_what_was_good_once_is_looked_at_in_its_own_time() -> None:
    monitor = _monitor(Dependency())
    await monitor.look()
    assert monitor.pause_seconds == 5


async def test_a_single_bad_look_between_good_ones_changes_nothing() -> None:
    dependency = Dependency()
    monitor = _monitor(dependency)
    looks: tuple[Status, ...] = ("ok", "down", "ok", "down", "ok")
    for dependency.status in looks:
        assert await _look(monitor) == "ok"


@pytest.mark.parametrize(
    ("looks", "opinions"),
    [
        # One look in each direction is none in either.
        (
            ["degraded", "degraded", "ok", "down", "ok"],
            ["ok", "degraded", "degraded", "degraded", "degraded"],
        ),
        (["down", "down", "degraded", "ok", "ok"], ["ok", "down", "down", "degraded", "ok"]),
        # Two bad looks agree that it is bad, and on no more than the milder of them says.
        (["down", "degraded", "down", "degraded"], ["ok", "degraded", "degraded", "degraded"]),
        (["degraded", "down", "down", "ok"], ["ok", "degraded", "down", "down"]),
    ],
)
async def test_an_opinion_is_what_two_looks_in_a_row_agree_on(
    looks: list[Status], opinions: list[Status]
) -> None:
    dependency = Dependency()
    monitor = _monitor(dependency)
    await monitor.look()
    found = []
    for dependency.status in looks:
        found.append(await _look(monitor))
    assert found == opinions


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


async def test_it_keeps_how_long_looks_take_when_it_was_well_and_the_class_of_the_error() -> None:
    dependency = Dependency()
    monitor = _monitor(dependency)
    assert (monitor.latency_p95_ms, monitor.last_ok) == (None, None)
    await _look(monitor)
    well, latency_ms = monitor.last_ok, monitor.latency_ms
    assert well is not None
    assert monitor.latency_p95_ms == latency_ms
    dependency.status = ConnectionRefusedError("no")
    await _look(monitor)
    assert (monitor.last_ok, monitor.error) == (well, "ConnectionRefusedError")
    assert monitor.latency_p95_ms == max(latency_ms or 0.0, monitor.latency_ms or 0.0)
    dependency.status = "ok"
    await _look(monitor)
    assert monitor.error is None


def test_what_only_says_that_something_is_away_is_told_by_its_cause() -> None:
    try:
        try:
            raise ConnectionResetError("peer hung up")
        except ConnectionResetError as cause:
            raise RuntimeError("away") from cause
    except RuntimeError as error:
        finding = failed(error)
    assert finding.detail == {"error": "ConnectionResetError: peer hung up"}
    assert (finding.status, finding.error) == ("down", "ConnectionResetError")


async def test_a_loop_goes_on_whatever_a_probe_throws() -> None:
    looks: asyncio.Queue[int] = asyncio.Queue()

    async def look() -> Finding:
        looks.put_nowait(1)
        raise AssertionError("a mistake of our own")

    monitor = Monitor(Probe("odd", False, look), interval_seconds=0.01, timeout_seconds=1)
    running = asyncio.create_task(monitor.run())
    async with asyncio.timeout(20):
        for _ in range(3):
            await looks.get()
    assert not running.done()
    running.cancel()
    assert (monitor.status, monitor.error) == ("down", "AssertionError")


async def test_a_rare_look_is_old_by_its_own_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    often = _monitor(Dependency())
    rare = Monitor(Probe("certificate", False, Dependency().look, interval_seconds=600), 5, 1)
    for monitor in (often, rare):
        await monitor.look()
    now = time.monotonic()

    async def after(seconds: float, *, looked_again: bool) -> tuple[str, float]:
        monkeypatch.setattr(time, "monotonic", lambda: now + seconds)
        if looked_again:
            await often.look()
        health = aggregate([often, rare], "r1", with_details=False)
        return health.status, health.age_seconds

    assert await after(700, looked_again=True) == ("ok", 0.0)
    assert await after(730, looked_again=False) == ("ok", 30.0)
    assert (await after(737, looked_again=False))[0] == "degraded"
    assert (await after(760, looked_again=True))[0] == "degraded"
