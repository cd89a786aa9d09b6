"""Each process frozen x every public route: nobody's route but its own is lost, apart from those declared
here to lean on it; what is lost is refused soon and not with a 500; once the process runs again all is well
within 30 seconds. Then the same for the line between the services, broken in every way. The tests print what
they measured. (Killed processes: test_dependencies.py.)"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from ops.local.ports import free_port
from tests.faults.fault_kinds import FAULTS, Fault
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.faults.matrix_store import MatrixStore, matrix_store
from tests.faults.public_visits import JOURNEYS
from tests.faults.visits import Route, Visit, routes_by_service
from tests.store import LocalStore, get, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

# A call to a frozen service takes INTERNAL_TIMEOUT_SECONDS (2) until its breaker is open; a page has two.
REFUSED_SECONDS_MAX = 5.0
RECOVERED_SECONDS_MAX = 30.0
ATTEMPTS = 3  # the best one counts for the time that a route takes
EDGE_GIVES_UP_SECONDS = 30.0  # responseHeaderTimeout in traefik/

_PAGES_OF_A_CART = {
    ("GET", "/cart"),
    ("POST", "/cart/lines"),
    ("POST", "/cart/quantity"),
    ("POST", "/cart/discount"),
    ("POST", "/cart/discount/remove"),
    ("GET", "/checkout"),
    ("POST", "/checkout"),
    ("GET", "/orders/{token}"),
    ("GET", "/orders/{token}/progress"),
    ("GET", "/orders/{token}/cancel"),
    ("POST", "/orders/{token}/cancel"),
}
# What cannot be answered without somebody else's word. A crawler that is told 503 for the list of all
# products comes again.
LEANS: dict[str, set[Route]] = {
    "catalog": {
        ("PUT", "/api/checkout/carts/{id}/lines/{sku}"),
        ("POST", "/cart/lines"),
        ("POST", "/cart/quantity"),
        ("GET", "/sitemap.xml"),
    },
    "checkout": _PAGES_OF_A_CART,
    "storefront": set(),
    "jobs": set(),
    "health": set(),
    "worker-durable": set(),
    "worker-fast": set(),
}


@dataclass
class Table:
    lines: list[str] = field(default_factory=list)

    def add(self, name: str, own: list[Visit], others: list[Visit], recovered: float) -> None:
        self.lines.append(
            f"{name:<20}{len(own):>4} of its own: {_said(own):<34}"
            f"{len(others):>5} others: {_said(others):<34}back after {recovered:4.1f} s"
        )


def _said(visits: list[Visit]) -> str:
    if not visits:
        return "-"
    refused = sum(visit.status >= 500 for visit in visits)
    return f"{refused} refused, slowest {max(visit.seconds for visit in visits):.2f} s"


@pytest.fixture(scope="module")
def matrix() -> Iterator[MatrixStore]:
    with matrix_store(CACHE_MEMORY_SECONDS="1") as made:
        yield made


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    made = Table()
    yield made
    print("\n" + "\n".join(made.lines))  # noqa: T201  # shown with -s, as asked for


@contextmanager
def _frozen(store: LocalStore, name: str) -> Iterator[None]:
    pid = store.pids()[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _visited(matrix: MatrixStore) -> list[Visit]:
    """Every route, and once or twice more those of groups that were late: the machine is shared."""
    seen = matrix.visit(list(JOURNEYS))
    for _ in range(ATTEMPTS - 1):
        late = {visit.group for visit in seen if visit.route in _late(seen)}
        if not late:
            break
        seen += matrix.visit(sorted(late), at_once=1)  # nor do they wait for each other
    return seen


def _late(seen: list[Visit]) -> dict[Route, float]:
    """The routes that even at their best took too long, and how long."""
    best: dict[Route, float] = {}
    for visit in seen:
        best[visit.route] = min(visit.seconds, best.get(visit.route, visit.seconds))
    return {route: seconds for route, seconds in best.items() if seconds > REFUSED_SECONDS_MAX}


@pytest.mark.parametrize("name", LEANS)
def test_a_frozen_process_takes_only_those_with_it_that_lean_on_it(
    matrix: MatrixStore, table: Table, name: str
) -> None:
    processes, its_own = matrix.store.pids(), routes_by_service().get(name, set())
    with _frozen(matrix.store, name):
        if its_own:
            wait_until(lambda: _is_refused(matrix, name), f"Traefik no longer asks {name}")
        seen = _visited(matrix)
    over = time.monotonic()
    wait_until(lambda: _is_well(matrix), f"every route answers after: {name}", RECOVERED_SECONDS_MAX)
    own = [visit for visit in seen if visit.route in its_own]
    others = [visit for visit in seen if visit.route not in its_own]
    table.add(name, own, others, time.monotonic() - over)
    assert {visit.status for visit in own} <= {503}
    lost = [visit for visit in others if visit.status >= 500]
    assert [(visit.route, visit.said) for visit in lost if visit.route not in LEANS[name]] == []
    assert {visit.status for visit in lost} <= {503}
    assert _late(seen) == {}
    assert matrix.store.pids() == processes


@pytest.fixture(scope="module")
def inner_line(matrix: MatrixStore) -> Iterator[FaultProxy]:
    """A proxy where services ask each other: Traefik gives its internal port up to it, and takes another."""
    traefik = psutil.Process(matrix.store.pids()["traefik"])
    (settings,) = (Path(word.partition("=")[2]) for word in traefik.cmdline() if "--configFile=" in word)
    written, behind = settings.read_text(), free_port()
    found = re.search(r"internal:\n +address: 127\.0\.0\.1:(\d+)", written)
    assert found is not None
    settings.write_text(written.replace(f"127.0.0.1:{found[1]}\n", f"127.0.0.1:{behind}\n"))
    traefik.kill()
    wait_until(lambda: _listens(behind), "Traefik listens behind the proxy")
    with fault_proxy(("127.0.0.1", behind), int(found[1])) as proxy:
        wait_until(lambda: _is_well(matrix), "every route answers", RECOVERED_SECONDS_MAX)
        yield proxy


def _listens(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/").status_code > 0
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_whatever_is_wrong_between_services_only_those_who_ask_each_other_refuse(
    matrix: MatrixStore, table: Table, inner_line: FaultProxy, fault: Fault
) -> None:
    processes, seen_before = matrix.store.pids(), inner_line.connections_seen
    with inner_line.broken(fault):
        seen = _visited(matrix)
    over = time.monotonic()
    wait_until(lambda: _is_well(matrix), f"every route answers after: {fault}", RECOVERED_SECONDS_MAX)
    asking = LEANS["catalog"] | LEANS["checkout"]
    own = [visit for visit in seen if visit.route in asking]
    others = [visit for visit in seen if visit.route not in asking]
    table.add(str(fault), own, others, time.monotonic() - over)
    assert inner_line.connections_seen > seen_before, "the line was used"
    assert [(visit.route, visit.said) for visit in others if visit.status >= 500] == []
    assert {visit.status for visit in own if visit.status >= 500} <= {503}
    assert _late(seen) == {}
    assert matrix.store.pids() == processes


def _is_refused(matrix: MatrixStore, name: str) -> bool:
    path = {
        "catalog": "/api/catalog/categories",
        "checkout": "/api/checkout/countries",
        "storefront": "/robots.txt",
        "jobs": "/jobs/login",
        "health": "/up",
    }[name]
    try:
        return get(matrix.store.url + path).status_code == 503
    except httpx.TimeoutException:  # asked before Traefik noticed
        return False


def _is_well(matrix: MatrixStore) -> bool:
    return all(visit.status < 500 for visit in matrix.visit(list(JOURNEYS)))


def test_a_request_that_a_frozen_process_has_begun_is_given_up_by_the_edge(matrix: MatrixStore) -> None:
    with _frozen(matrix.store, "storefront"), httpx.Client(trust_env=False, timeout=60) as shopper:
        begun = time.monotonic()
        answer = shopper.get(matrix.store.url + "/robots.txt")
    assert answer.status_code == 504
    assert time.monotonic() - begun < EDGE_GIVES_UP_SECONDS + REFUSED_SECONDS_MAX
    wait_until(lambda: _is_well(matrix), "every route answers", RECOVERED_SECONDS_MAX)
