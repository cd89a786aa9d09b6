"""Which entry of the ledger a rollback goes to."""

from __future__ import annotations

from typing import Any

import msgspec

from ops.deploy import ledger
from ops.deploy.ledger import Entry
from tests.ops.deploy.destinations import IMAGE, manifest


def _entries(*told: tuple[str, str, str]) -> list[Entry]:
    """Release, kind and result of each, oldest first; returned newest first, as the ledger does."""
    made = [entry_of(number, *one) for number, one in enumerate(told, 1)]
    return made[::-1]


def entry_of(number: int, release: str, kind: Any, result: Any) -> Entry:
    return Entry(
        number=number,
        release=release,
        revision="abc",
        who="ada@desk",
        started_at="2026-01-02T03:04:05Z",
        finished_at="2026-01-02T03:06:00Z",
        result=result,
        kind=kind,
        image=IMAGE,
        migrations_applied=[],
        probed=1,
        failed=0,
        p99_ms=1.0,
        reason=None,
        manifest=msgspec.structs.replace(manifest(), release=release),
    )


def _before(*told: tuple[str, str, str]) -> str | None:
    found = ledger.before(_entries(*told))
    return None if found is None else found.release


A, B, C = ("a", "deploy", "ok"), ("b", "deploy", "ok"), ("c", "deploy", "ok")


def test_the_release_before_is_the_last_one_that_ended_well() -> None:
    assert _before(A, B) == "a"
    assert _before(A, ("x", "deploy", "failed"), B, ("y", "deploy", "rolled back")) == "a"


def test_nothing_is_before_the_first_one() -> None:
    assert _before() is None
    assert _before(A) is None
    assert _before(("a", "deploy", "failed")) is None


def test_a_second_rollback_goes_one_further_back() -> None:
    assert _before(A, B, C, ("b", "rollback", "ok")) == "a"


def test_a_deploy_after_a_rollback_goes_back_to_what_ran_then() -> None:
    assert _before(A, B, ("a", "rollback", "ok"), C) == "a"


def test_scaling_is_no_release_of_its_own() -> None:
    assert _before(A, B, ("b", "scale", "ok")) == "a"
    found = ledger.before(_entries(A, ("a", "scale", "ok"), B))
    assert found is not None
    assert (found.release, found.kind) == ("a", "scale")  # with the replicas that it had last


def test_what_is_meant_to_run_is_the_last_that_ended_well() -> None:
    newest = ledger.newest_ok(_entries(A, B, ("c", "deploy", "failed")))
    assert newest is not None
    assert newest.release == "b"


def test_a_release_is_found_by_the_beginning_of_its_name() -> None:
    found = ledger.of_release(_entries(("2026-a", "deploy", "ok"), ("2027-b", "deploy", "ok")), "2026")
    assert found is not None
    assert found.release == "2026-a"
    assert ledger.of_release(_entries(("2026-a", "deploy", "failed")), "2026") is None
