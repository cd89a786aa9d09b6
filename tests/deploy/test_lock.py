"""The lock, on a real swarm: one holder, who says so, and who notices when it is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ops.deploy import lock
from ops.deploy.docker import Docker
from ops.deploy.lock import LockLost, LockTaken
from tests.deploy.built_image import engine_with
from tests.deploy.destination import docker_of
from tests.store import wait_until

STACK = "shop"


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with engine_with() as engine:
        engine.init_swarm()
        yield docker_of(engine)


@pytest.fixture(autouse=True)
def free(docker: Docker) -> Iterator[None]:
    yield
    lock.break_lock(docker, STACK)


def test_a_second_one_learns_who_holds_it_since_when_and_why(docker: Docker) -> None:
    with lock.held(docker, STACK, "ada@desk", "deploys r1"):
        with (
            pytest.raises(LockTaken, match=r"ada@desk holds the lock since \S+Z.*: deploys r1"),
            lock.held(docker, STACK, "eve", "deploys r2"),
        ):
            pytest.fail("two hold it")
        found = lock.status(docker, STACK)
        assert found is not None
        assert found.holder.who == "ada@desk"
    assert lock.status(docker, STACK) is None


def test_another_stack_has_a_lock_of_its_own(docker: Docker) -> None:
    with lock.held(docker, STACK, "ada", "x"), lock.held(docker, "other", "eve", "y"):
        assert lock.status(docker, "other") is not None


def test_whoever_waits_gets_it_when_it_is_free(docker: Docker) -> None:
    order: list[str] = []

    def wait_for_it() -> None:
        with lock.held(docker, STACK, "eve", "deploys r2", wait_seconds=120):
            order.append("eve")

    with lock.held(docker, STACK, "ada", "deploys r1"):
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        waiting.join(timeout=1)
        order.append("ada")
    waiting.join(timeout=60)
    assert order == ["ada", "eve"]


def test_of_many_at_once_one_gets_it(docker: Docker) -> None:
    got: list[int] = []
    all_tried = threading.Barrier(6)

    def try_it(number: int) -> None:
        try:
            with lock.held(docker, STACK, f"number {number}", "races"):
                got.append(number)
                all_tried.wait(timeout=120)
        except LockTaken:
            all_tried.wait(timeout=120)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    all_tried.wait(timeout=120)
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert lock.status(docker, STACK) is None


def test_a_heartbeat_keeps_it_young(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.5)
    with lock.held(docker, STACK, "ada", "deploys r1") as held:
        wait_until(lambda: held.number >= 3, "two heartbeats")
        held.check()
        found = lock.status(docker, STACK)
        assert found is not None
        assert found.holder == held.holder


def test_a_holder_whose_process_is_gone_loses_it_after_its_time(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock.held(docker, STACK, "gone", "was killed") as held:
        held.end()  # no heartbeat any more
        monkeypatch.setattr(lock, "EXPIRES_SECONDS", 2.0)
        with lock.held(docker, STACK, "eve", "deploys r2", wait_seconds=60):
            found = lock.status(docker, STACK)
            assert found is not None
            assert found.holder.who == "eve"


def test_a_holder_notices_that_it_was_broken(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_SECONDS", 0.5)
    with lock.held(docker, STACK, "ada", "deploys r1") as held:
        lock.break_lock(docker, STACK)
        wait_until(lambda: held.lost is not None, "it is noticed")
        with pytest.raises(LockLost, match="somebody broke it"):
            held.check()
    assert lock.status(docker, STACK) is None


def test_a_holder_notices_that_another_took_over(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock.held(docker, STACK, "slept", "was suspended") as held:
        held.end()
        lock.break_lock(docker, STACK)
        with lock.held(docker, STACK, "eve", "deploys r2"):
            held._renew()
            with pytest.raises(LockLost, match="lost the lock"):
                held.check()
            found = lock.status(docker, STACK)
            assert found is not None
            assert found.holder.who == "eve"


def test_a_holder_that_cannot_reach_the_engine_stops_by_itself(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lock.held(docker, STACK, "ada", "deploys r1") as held:
        monkeypatch.setattr(held, "renewed_at", held.renewed_at - 50)
        with pytest.raises(LockLost, match="could not be renewed"):
            held.check()


def test_a_lock_by_hand_has_no_end_until_it_is_broken(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock.lock_by_hand(docker, STACK, "ada", "moving the database")
    monkeypatch.setattr(lock, "EXPIRES_SECONDS", 0.0)
    with (
        pytest.raises(LockTaken, match=r"locked by ada .*moving the database.*make unlock"),
        lock.held(docker, STACK, "eve", "deploys r2"),
    ):
        pytest.fail("it was held by hand")
    lock.break_lock(docker, STACK)
    with lock.held(docker, STACK, "eve", "deploys r2") as held:
        held.check()
