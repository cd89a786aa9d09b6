"""The probe against a real server that answers well, badly, by halves, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.deploy.probe_report import Failure, ProbeReport, verdict
from ops.deploy.prober import ProbeBroken, Prober, ask_once, probing
from ops.deploy.settings import ProbeSettings
from tests.ops.deploy.flaky_store import RELEASE, FlakyStore, flaky_store
from tests.store import wait_until

PATIENT = ProbeSettings(probe_requests_per_second=100, probe_timeout_seconds=20.0)


@pytest.fixture
def store() -> Iterator[FlakyStore]:
    with flaky_store() as store:
        yield store


def _until(prober: Prober, count: int) -> None:
    wait_until(lambda: prober.report.probed >= count, f"{count} requests are counted")


def test_a_sound_store_gets_no_failure_and_every_kind_of_request(store: FlakyStore) -> None:
    with probing(store.url, "r8", PATIENT) as prober:
        _until(prober, 120)
        report = prober.stop()
    assert (report.failed, report.final) == (0, True)
    assert report.probed >= 120
    assert report.p99_ms is not None
    for path in ("/", "/products/vase", "/categories/home", "/api/checkout/carts", "/assets/store.0011.css"):
        assert store.seen[path] > 0, path
    assert set(report.releases["checkout"]) == {RELEASE}
    assert store.agents == {"kiosk-probe/r8"}


def test_carts_do_not_pile_up_because_the_key_stays(store: FlakyStore) -> None:
    with probing(store.url, "r8", PATIENT) as prober:
        _until(prober, 60)
    assert store.seen["/api/checkout/carts"] > 3
    assert store.keys == {"kiosk-probe-r8"}


def test_connections_are_kept_for_some_requests_and_new_for_others(store: FlakyStore) -> None:
    with probing(store.url, "r8", PATIENT) as prober:
        _until(prober, 100)
    assert 20 < store.connections < sum(store.seen.values()) - 20


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (500, "answered 500"),
        (503, "answered 503"),
        ("reset", "Error"),
        ("cut", "RemoteProtocolError"),
        ("silent", "ReadTimeout"),
        ("stranger", "by the edge"),
    ],
)
def test_a_bad_answer_is_a_failure_and_is_described(store: FlakyStore, fault: str | int, words: str) -> None:
    store.faults["/cart"] = fault
    patience_seconds = 4.0 if fault == "silent" else 20.0
    settings = ProbeSettings(probe_requests_per_second=100, probe_timeout_seconds=patience_seconds)
    report = ask_once(store.url, "r8", settings)
    assert report.failed == 1
    [failure] = report.failures
    assert failure.request == "GET /cart"
    assert words in failure.why
    assert verdict(report, 0) is not None
    assert verdict(report, 1) is None


def test_a_failure_is_seen_while_the_probe_runs(store: FlakyStore) -> None:
    with probing(store.url, "r8", PATIENT) as prober:
        _until(prober, 30)
        assert prober.report.failed == 0
        store.faults["/"] = "reset"
        wait_until(lambda: prober.report.failed > 0, "the failure is counted")
        assert not prober.report.final


def test_a_limit_is_counted_apart(store: FlakyStore) -> None:
    store.faults["/cart"] = 429
    report = ask_once(store.url, "r8", PATIENT)
    assert (report.failed, report.limited) == (0, 1)


def test_an_unknown_product_is_an_answer_and_a_linked_asset_must_be_there(store: FlakyStore) -> None:
    store.faults = {"/products/vase": 404, "/assets/cart.0022.js": 404}
    report = ask_once(store.url, "r8", PATIENT)
    assert [failure.request for failure in report.failures] == ["GET /assets/cart.0022.js"]


def test_nobody_there_is_a_failure_of_every_request() -> None:
    report = ask_once("http://127.0.0.1:9", "r8", PATIENT)
    assert report.failed == report.probed > 5


def test_a_probe_that_ends_by_itself_is_noticed() -> None:
    prober = Prober("http://127.0.0.1:9", "r8", PATIENT)
    prober._process.kill()
    prober._process.wait()
    with pytest.raises(ProbeBroken, match="ended by itself"):
        prober.check()
    prober.stop()


def test_a_verdict_names_the_first_failure() -> None:
    failure = Failure("2026-01-02T03:04:05Z", "checkout", "POST /api/checkout/carts", "kept", "answered 502")
    report = ProbeReport(probed=10, failed=2, failures=[failure])
    assert verdict(report, 1) == f"the probe saw 2 of 10 requests fail: {failure.words}"
