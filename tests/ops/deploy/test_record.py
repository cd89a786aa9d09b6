"""What serves is in the ledger, or the operator knows that it is not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ops.console import OperatorError
from ops.deploy import ledger, lock
from ops.deploy.ledger import Entry
from ops.deploy.lock import Lock
from ops.deploy.record import record_what_serves
from ops.deploy.site import Site
from tests.ops.deploy.configs import Configs
from tests.ops.deploy.destinations import destination, manifest

CREATE, LIST = ("config", "create"), ("config", "ls")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Configs:
    monkeypatch.setattr(ledger, "AGAIN_SECONDS", 0.0)
    return Configs()


@pytest.fixture
def held(engine: Configs) -> Iterator[Lock]:
    with lock.held(engine, "kiosk", "ada@desk", "deploys") as holding:
        yield holding


def _record(engine: Configs, held: Lock) -> Entry:
    site, now = Site(engine, destination()), lock.now()
    return record_what_serves(site, held, manifest(), "deploy", now, again="make deploy")


@pytest.mark.parametrize("call", [CREATE, LIST])
def test_an_engine_that_is_away_for_a_moment_is_asked_again(
    engine: Configs, held: Lock, call: tuple[str, ...]
) -> None:
    engine.faults.extend([(call, "away")] * 3)
    written = _record(engine, held)
    assert not engine.faults
    assert ledger.current(engine, "kiosk") == written


def test_an_entry_that_was_made_without_an_answer_is_not_made_twice(engine: Configs, held: Lock) -> None:
    engine.faults.append((CREATE, "silent"))
    written = _record(engine, held)
    assert ledger.entries(engine, "kiosk") == [written]


def test_without_an_entry_the_operator_is_told_what_serves(
    engine: Configs, held: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PATIENCE_SECONDS", 0.0)
    engine.faults.extend([(CREATE, "away")] * 2)
    with pytest.raises(OperatorError, match=r"r1 serves, and the ledger does not know it .*: make deploy$"):
        _record(engine, held)


def test_nothing_is_written_without_the_lock(engine: Configs, held: Lock) -> None:
    engine.faults.append((CREATE, "away"))
    held.renewed_at = time.monotonic() - 50
    with pytest.raises(OperatorError, match=r"r1 serves, .*lost the lock"):
        _record(engine, held)
    assert ledger.entries(engine, "kiosk") == []
