"""Redis may die, in every way: what each public route of the store then answers, and how soon.

Every fault x every route: no answer is a 5xx, none comes more than 150 ms later than usual (the best of
three counts, because the machine is shared), and once the fault is over the same processes use Redis again
within 30 seconds. `-s` is not needed to see the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest

from tests.faults.fault_kinds import FAULTS, Fault
from tests.faults.matrix_store import MatrixStore, matrix_store
from tests.faults.public_visits import JOURNEYS
from tests.faults.redis_faults import REDIS_FAULTS, RedisFault
from tests.faults.visits import Route, Visit, public_routes
from tests.store import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ADDED_SECONDS_MAX = 0.15
RECOVERED_SECONDS_MAX = 30.0
ATTEMPTS = 3

Breaking = Callable[[MatrixStore], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: by group, how many requests there were and how much later than usual the latest came."""

    fault: str
    requests: int
    failed: int
    added: dict[str, float]
    recovered_seconds: float


@dataclass
class Table:
    rows: list[Row] = field(default_factory=list)

    def __str__(self) -> str:
        heads = ["fault", "requests", "5xx", *(f"{group} +ms" for group in JOURNEYS), "recovered s"]
        lines = [heads]
        for row in self.rows:
            added = [f"{row.added[group] * 1000:.0f}" for group in JOURNEYS]
            end = f"{row.recovered_seconds:.1f}"
            lines.append([row.fault, str(row.requests), str(row.failed), *added, end])
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        return "\n".join(
            "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)) for line in lines
        )


@pytest.fixture(scope="module")
def store() -> Iterator[MatrixStore]:
    # The longest rest of a breaker is shorter than by default, for the test's own sake.
    with matrix_store(REDIS_BREAKER_OPEN_MAX_SECONDS="4") as made:
        yield made


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    made = Table()
    yield made
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{made}")  # noqa: T201


def _by_proxy(fault: Fault) -> Breaking:
    return lambda store: store.proxy.broken(fault)


def _by_server(fault: RedisFault) -> Breaking:
    return lambda store: fault(store.valkey)


BREAKINGS: dict[str, Breaking] = {
    **{fault.name: _by_proxy(fault) for fault in FAULTS},
    **{name: _by_server(fault) for name, fault in REDIS_FAULTS.items()},
}


def test_no_public_route_is_left_out(store: MatrixStore) -> None:
    assert store.usual.keys() == public_routes()


@pytest.mark.parametrize("name", BREAKINGS)
def test_whatever_is_wrong_with_redis_every_route_answers_in_time(
    store: MatrixStore, table: Table, name: str
) -> None:
    processes = store.store.pids()
    with BREAKINGS[name](store):
        seen = store.visit(list(JOURNEYS))
        for _ in range(ATTEMPTS - 1):
            late = {visit.group for visit in seen if _best(seen, store)[visit.route] > ADDED_SECONDS_MAX}
            if not late:
                break
            seen += store.visit(sorted(late), at_once=1)  # nor do they wait for each other
    over = time.monotonic()
    wait_until(store.uses_redis, f"Redis is used again after: {name}", RECOVERED_SECONDS_MAX)
    recovered = time.monotonic() - over
    best, failed = _best(seen, store), [visit for visit in seen if visit.status >= 500]
    latest = {group: max(best[visit.route] for visit in seen if visit.group == group) for group in JOURNEYS}
    table.rows.append(Row(name, len(seen), len(failed), latest, recovered))
    assert [(visit.route, visit.said) for visit in failed] == []
    assert {route: added for route, added in best.items() if added > ADDED_SECONDS_MAX} == {}
    assert store.store.pids() == processes


def _best(seen: list[Visit], store: MatrixStore) -> dict[Route, float]:
    """By route: how much later than usual it was answered at its best."""
    best: dict[Route, float] = {}
    for visit in seen:
        added = max(0.0, visit.seconds - store.usual[visit.route])
        best[visit.route] = min(added, best.get(visit.route, added))
    return best
