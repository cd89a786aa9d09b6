"""Redis stopped, PostgreSQL gone, any process killed: what shoppers and operators then see."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import psutil
import pytest

from tests.freezing import frozen
from tests.journeys.buying import buy
from tests.store import LocalStore, get, local_store, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

PATHS = (
    "/",
    "/search?q=lamp",
    "/api/catalog/products",
    "/api/catalog/products?q=lamp",
    "/api/catalog/suggest?q=lam",
    "/api/catalog/categories",
    "/api/openapi.json",
    "/up",
    "/health",
)


@pytest.fixture(scope="module")
def store() -> Iterator[LocalStore]:
    # Redis keeps a fresh answer no longer than the test waits for it to be past its time.
    with local_store(HEALTH_INTERVAL_SECONDS="0.5", CACHE_PRODUCT_SECONDS="5") as running:
        yield running


def _health(store: LocalStore) -> dict[str, Any]:
    answer: dict[str, Any] = get(f"{store.url}/health").json()
    return answer


def _all_paths(store: LocalStore) -> list[str]:
    """The fixed paths, and pages of products that nobody asked for before."""
    listed = get(f"{store.url}/api/catalog/products?limit=3&sort=name")
    cards = listed.json()["items"] if listed.status_code == 200 else []
    slugs = [card["slug"] for card in cards]
    return [
        *PATHS,
        *(f"/products/{slug}" for slug in slugs),
        *(f"/api/catalog/products/{slug}" for slug in slugs),
    ]


def _failures(store: LocalStore) -> list[tuple[str, int]]:
    answers = [(path, get(store.url + path).status_code) for path in _all_paths(store)]
    return [answer for answer in answers if answer[1] != 200]


def _wait_until_well(store: LocalStore) -> None:
    """Until each kind of page has been answered once, but none that a test will ask for."""
    others = ("/search?q=mug", "/api/catalog/products?q=mug", "/api/catalog/suggest?q=mug", "/cart")
    wait_until(lambda: _health(store)["status"] == "ok", "health says ok", 60)
    wait_until(lambda: {get(store.url + path).status_code for path in others} == {200}, "all is answered")


def test_with_redis_frozen_every_page_and_call_is_answered(store: LocalStore) -> None:
    _wait_until_well(store)
    valkey = store.pids()["valkey"]
    os.kill(valkey, signal.SIGSTOP)
    try:
        assert _failures(store) == []
        wait_until(lambda: _health(store)["checks"]["redis"]["status"] == "down", "health says it of Redis")
        assert _health(store)["status"] == "degraded"
        assert _failures(store) == []
    finally:
        os.kill(valkey, signal.SIGCONT)
    wait_until(lambda: _health(store)["status"] == "ok", "health says ok again")


def test_with_redis_frozen_a_shopper_buys(store: LocalStore) -> None:
    valkey = store.pids()["valkey"]
    os.kill(valkey, signal.SIGSTOP)
    try:
        with httpx.Client(base_url=store.url, trust_env=False, timeout=15) as shopper:
            buy(shopper)
    finally:
        os.kill(valkey, signal.SIGCONT)
    wait_until(lambda: _health(store)["status"] == "ok", "health says ok again")


def test_with_postgresql_gone_what_was_seen_is_served_and_all_recovers_without_a_restart(
    store: LocalStore,
) -> None:
    wait_until(lambda: _failures(store) == [], "everything was seen")
    seen = _all_paths(store)
    services = {name: pid for name, pid in store.pids().items() if name != "postgres"}
    postgres = store.pids()["postgres"]
    with frozen(postgres):  # connections hang: worse than refused ones
        wait_until(lambda: _health(store)["status"] == "down", "health says down")
        for path in ("/api/catalog/products", "/api/catalog/categories"):
            wait_until(partial(_is_stale, store, path), f"the kept answer of {path} is past its time")
        unseen = get(f"{store.url}/api/catalog/products?price_min=123")
        assert unseen.status_code == 503
        assert unseen.headers["retry-after"]
    os.kill(postgres, signal.SIGQUIT)  # an immediate shutdown: the next start has to recover
    wait_until(lambda: store.pids().get("postgres", postgres) != postgres, "PostgreSQL is started again")
    wait_until(lambda: _health(store)["status"] == "ok", "health says ok again", 60)
    assert [(path, code) for path in seen if (code := get(store.url + path).status_code) != 200] == []
    assert {name: pid for name, pid in store.pids().items() if name != "postgres"} == services


def _is_stale(store: LocalStore, path: str) -> bool:
    """Whether a path, which must be answered all the time, is answered from memory."""
    answer = get(store.url + path)
    assert answer.status_code == 200, path
    return bool(answer.headers.get("x-stale") == "1")


@pytest.mark.parametrize(
    "name",
    [
        "valkey",
        "catalog",
        "checkout",
        "jobs",
        "storefront",
        "health",
        "worker-durable",
        "worker-fast",
        "traefik",
    ],
)
def test_a_killed_process_comes_back_and_the_others_go_on(store: LocalStore, name: str) -> None:
    before = store.pids()
    os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: store.pids().get(name, before[name]) != before[name], f"{name} is started again")
    wait_until(lambda: _answers(store) and _failures(store) == [], "everything answers again")
    wait_until(lambda: _health(store)["status"] == "ok", "health says ok again", 60)
    others = {other: pid for other, pid in store.pids().items() if other != name}
    assert others == {other: pid for other, pid in before.items() if other != name}


def _answers(store: LocalStore) -> bool:
    try:
        return get(f"{store.url}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_end_leaves_no_process_behind(store: LocalStore) -> None:
    everyone = store.everyone()
    assert len(everyone) > 10
    store.stop()
    assert psutil.wait_procs(everyone, 30)[1] == []
