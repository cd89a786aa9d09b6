"""The breaker: opens on failures in a window, probes once, backs off."""

import time

import pytest

from services.breaker import Breaker


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, window_seconds=10, open_seconds=2, open_max_seconds=5)


def _open(breaker: Breaker) -> None:
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    assert breaker.is_open


def test_breaker_opens_after_enough_failures_in_the_window(breaker: Breaker) -> None:
    _open(breaker)
    assert not breaker.allows()


def test_breaker_stays_closed_when_failures_are_far_apart(breaker: Breaker, clock: Clock) -> None:
    for _ in range(20):
        breaker.failed()
        clock.now += 6
    assert breaker.allows()


def test_breaker_lets_one_probe_through_and_closes_on_its_success(breaker: Breaker, clock: Clock) -> None:
    _open(breaker)
    clock.now += 2 * 1.25
    assert breaker.allows()
    assert not breaker.allows(), "a second probe passed"
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_breaker_waits_longer_after_a_failed_probe_up_to_the_limit(breaker: Breaker, clock: Clock) -> None:
    _open(breaker)
    for open_seconds in (4, 5, 5):
        clock.now += 5 * 1.25
        assert breaker.allows()
        breaker.failed()
        clock.now += open_seconds * 0.75 - 0.01
        assert not breaker.allows()


def test_breaker_tells_when_it_changes(clock: Clock) -> None:
    heard: list[bool] = []
    breaker = Breaker(
        failures=1, window_seconds=1, open_seconds=1, open_max_seconds=1, on_change=heard.append
    )
    breaker.failed()
    clock.now += 2
    assert breaker.allows()
    breaker.succeeded()
    assert heard == [True, False]
