"""What a verb goes by is read when the lock is ours, and what is not ours any more is left alone."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ops.console import OperatorError
from ops.deploy import ledger, lock, maintenance, restore
from ops.deploy.database import Owner, Programs
from ops.deploy.docker import Docker
from ops.deploy.lock import Lock
from ops.deploy.manifest import Manifest
from ops.deploy.one_shot import Outcome
from ops.deploy.verb import Verb
from tests.ops.deploy.configs import Configs
from tests.ops.deploy.destinations import destination
from tests.ops.deploy.test_ledger_order import entry_of

RESTORE = (restore.VERB, "--file", "shop.dump", "--confirm", "yes")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done, and by which release."""
    told: list[str] = []

    def publish(_docker: Docker, by: Manifest, *_rest: Any, maintenance: object = None) -> None:
        told.append(f"{'closed' if maintenance else 'opened'} by {by.release}")

    def migrate(_docker: Docker, to: Manifest, **_more: Any) -> Outcome:
        told.append(f"migrated to {to.release}")
        return Outcome(0, [])

    programs = Programs(Configs(), Owner("kiosk", "kiosk", {}), None)
    monkeypatch.setattr(maintenance, "publish_routes", publish)
    monkeypatch.setattr(restore, "migrate", migrate)
    monkeypatch.setattr(restore, "programs", lambda *_: programs)
    monkeypatch.setattr(restore, "tables_in", lambda *_: 20)
    monkeypatch.setattr(restore, "read_in", lambda *_: told.append("read in"))
    monkeypatch.setattr(restore, "_apart", lambda _database, script, _names: told.append(script.split()[0]))
    monkeypatch.setattr(restore, "take_its_place", lambda *_: told.append("took its place"))
    return told


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Configs:
    """r1 runs, and a deploy of r2 ends just before the lock is ours."""
    configs, held = Configs(), lock.held

    @contextmanager
    def held_after_a_deploy(*arguments: Any) -> Iterator[Lock]:
        _wrote(configs, "r2")
        with held(*arguments) as holding:
            yield holding

    _wrote(configs, "r1")
    monkeypatch.setattr(lock, "held", held_after_a_deploy)
    return configs


def _wrote(configs: Configs, release: str) -> None:
    ledger.write(configs, entry_of(1, release, "deploy", "ok"))


def _run(engine: Configs, verb: Verb, *words: str) -> None:
    parser = ArgumentParser()
    verb.add_arguments(parser)
    verb.run(parser.parse_args(words), destination(), engine)


def test_a_store_is_closed_and_opened_by_the_release_that_runs(engine: Configs, done: list[str]) -> None:
    _run(engine, maintenance.VERB, "on")
    _run(engine, maintenance.VERB, "off")
    assert done == ["closed by r2", "opened by r2"]


def test_what_is_restored_is_migrated_to_the_release_that_runs(engine: Configs, done: list[str]) -> None:
    _run(engine, *RESTORE)
    assert done == ["closed by r2", "read in", "took its place", "migrated to r2", "opened by r2"]


def test_a_restore_that_loses_the_lock_leaves_everything_alone(
    engine: Configs, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lock, "check", _lost)
    with pytest.raises(OperatorError, match=r"lost the lock: .*kiosk is as it was, .*make maintenance off"):
        _run(engine, *RESTORE)
    assert done == ["closed by r2", "read in", "DROP"]


def test_routes_are_not_published_for_whoever_has_the_lock_now(
    engine: Configs, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        monkeypatch.setattr(Lock, "check", _lost)
        raise OperatorError("pg_restore: no room")

    monkeypatch.setattr(restore, "read_in", fails)
    with pytest.raises(OperatorError, match=r"lost the lock: .*the store is closed still"):
        _run(engine, *RESTORE)
    assert done == ["closed by r2"]


def _lost(_lock: Lock) -> None:
    raise lock.LockLost("lost the lock: somebody else holds it")
