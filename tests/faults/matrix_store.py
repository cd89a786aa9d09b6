"""A whole store whose Redis is behind a fault proxy, and what the matrix needs to know of it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx
import psutil

from ops.local.valkey import TemporaryValkey, temporary_valkey
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.faults.public_visits import JOURNEYS, Ground
from tests.faults.visits import Route, Visit, Visits
from tests.journeys.buying import answer_of, confirm, filled_cart, order, until
from tests.store import NO_TLS, LocalStore, get, local_store

ADMIN_KEY, STAFF_PASSWORD, WEBHOOK_SECRET = "matrix-admin-key", "the matrix's password", "whsec_matrix"
_AT_ONCE = 3  # journeys; the machine is small, and what they wait for one another is no fault
# Limits are on, and far away.
UNLIMITED = {"RATE_LIMIT_ENABLED": "yes"} | {
    f"RATE_LIMIT_{name}": "1000000"
    for name in (
        "SUGGEST_PER_MINUTE",
        "SITEMAPS_PER_MINUTE",
        "READS_PER_MINUTE",
        "WRITES_PER_MINUTE",
        "ORDERS_PER_MINUTE",
        "CART_ORDERS_PER_MINUTE",
        "EMAIL_ORDERS_PER_HOUR",
        "WEBHOOKS_PER_MINUTE",
        "CODES_PER_CART",
        "CODES_PER_ADDRESS",
        "DECLINES_PER_ORDER",
        "DECLINES_PER_CARD",
        "DECLINES_PER_EMAIL",
        "DECLINES_PER_PRODUCT",
        "EDGE_PER_SECOND",
        "EDGE_BURST",
        "EDGE_AT_ONCE",
    )
}


@dataclass(frozen=True, slots=True)
class MatrixStore:
    """`usual`: how long each route takes while nothing is wrong, in seconds."""

    store: LocalStore
    valkey: TemporaryValkey
    proxy: FaultProxy
    ground: Ground
    usual: dict[Route, float]

    def visit(self, groups: list[str], at_once: int = _AT_ONCE) -> list[Visit]:
        return visit_all(self.store.url, self.ground, groups, at_once)

    def figure(self, service: str, pattern: str) -> float:
        """The sum of a service's metrics whose line begins so."""
        port = psutil.Process(self.store.pids()[service]).environ()["OPS_PORT"]
        text = get(f"http://127.0.0.1:{port}/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(pattern, line))

    def cancel(self, token: str) -> int:
        """Cancels an order; returns the status of the answer."""
        path = f"{self.store.url}/api/checkout/orders/{token}/cancel"
        with httpx.Client(trust_env=False, timeout=15, verify=NO_TLS) as shopper:
            return shopper.post(path).status_code

    def uses_redis(self) -> bool:
        """Breakers are closed, the cache is hit, and the dashboard sees the fast jobs."""
        before = self._hits()
        paths = [f"/api/catalog/products/{self.ground.slug}"] * 3
        assert all(get(self.store.url + path).status_code == 200 for path in paths)
        closed = self.figure("catalog", "redis_breaker_open") == 0
        return closed and self._hits() > before and self._sees_fast_jobs()

    def _hits(self) -> float:
        return self.figure("catalog", r'cache_requests_total\{.*result="redis"')

    def _sees_fast_jobs(self) -> bool:
        with staff_client(self.store.url) as person:
            return bool(answer_of(person.get("/api/jobs/overview"))["away"] == [])


@contextmanager
def staff_client(url: str) -> Iterator[httpx.Client]:
    """Logged in to the dashboard as its admin."""
    with httpx.Client(base_url=url, trust_env=False, timeout=15, verify=NO_TLS) as person:
        given = {"name": "admin", "password": STAFF_PASSWORD}
        entered = person.post("/jobs/login", data=given, headers={"Sec-Fetch-Site": "same-origin"})
        assert entered.status_code == 303, entered.text
        yield person


def visit_all(url: str, ground: Ground, groups: list[str], at_once: int = _AT_ONCE) -> list[Visit]:
    """Makes the journeys of these groups, a few at a time."""

    async def travel() -> list[Visit]:
        gate = asyncio.Semaphore(at_once)

        async def one(group: str) -> list[Visit]:
            async with gate, _client(url) as client:
                visits = Visits(client, group)
                await JOURNEYS[group](visits, ground)
                return visits.seen

        found = await asyncio.gather(*(one(group) for group in groups))
        return [visit for seen in found for visit in seen]

    return asyncio.run(travel())


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=20, verify=NO_TLS)


@contextmanager
def matrix_store(**variables: str) -> Iterator[MatrixStore]:
    with temporary_valkey() as valkey, fault_proxy(str(valkey.store.socket)) as proxy:
        settings = {
            "REDIS_URL": f"redis://{proxy.host}:{proxy.port}/0",
            "REDIS_QUEUE_URL": f"redis://{proxy.host}:{proxy.port}/1",
            "ADMIN_API_KEY": ADMIN_KEY,
            "STAFF_ADMIN_PASSWORD": STAFF_PASSWORD,
            "PAYMENT_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "PRODUCTS": "200",
            "CACHE_MEMORY_SECONDS": "0",  # so that each request asks Redis
            "HEALTH_INTERVAL_SECONDS": "1",
            **UNLIMITED,
            **variables,
        }
        with local_store(**settings) as store:
            ground = _prepared(store)
            # The first ones warm up.
            rounds = [visit_all(store.url, ground, list(JOURNEYS)) for _ in range(3)][1:]
            yield MatrixStore(store, valkey, proxy, ground, _usual(rounds))


def _usual(rounds: list[list[Visit]]) -> dict[Route, float]:
    times: dict[Route, list[float]] = {}
    for visit in (visit for each in rounds for visit in each):
        assert visit.status < 500, f"{visit.route}: {visit.said}"
        times.setdefault(visit.route, []).append(visit.seconds)
    return {route: median(seconds) for route, seconds in times.items()}


def _prepared(store: LocalStore) -> Ground:
    admin = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=store.url, trust_env=False, timeout=15, verify=NO_TLS) as shopper:
        sku = _first_sku(filled_cart(shopper))
        level = {"level": 1_000_000, "reason": "counted"}
        answer_of(shopper.put(f"/api/checkout/admin/stock/{sku}", json=level, headers=admin))
        answer_of(shopper.put("/api/checkout/admin/discounts/MATRIX", json={"percent": 1}, headers=admin))
        cart = filled_cart(shopper, 900)
        assert _first_sku(cart) == sku
        paid = _paid(shopper, cart)
        slug = cart["lines"][0]["slug"]
        category = answer_of(shopper.get("/api/catalog/categories"))["items"][0]["slug"]
    with staff_client(store.url) as person:
        jobs = answer_of(person.get("/api/jobs/jobs", params={"state": "done", "limit": 1}))["items"]
        task = answer_of(person.get("/api/jobs/recurring"))["items"][0]["name"]
    return Ground(
        ADMIN_KEY, WEBHOOK_SECRET, STAFF_PASSWORD, slug, sku, category, paid, jobs[0]["id"], "none", task
    )


def _first_sku(cart: dict[str, Any]) -> str:
    return str(cart["lines"][0]["sku"])


def _paid(shopper: httpx.Client, cart: dict[str, Any]) -> str:
    placed = answer_of(order(shopper, cart, str(uuid.uuid4())), 201)
    path = f"/api/checkout/orders/{placed['token']}"
    payment = until(shopper, path, lambda one: one["payment"]["state"] == "ready")["payment"]
    answer_of(confirm(shopper, payment, "pm_card_visa"))
    until(shopper, path, lambda one: one["status"] == "paid")
    return str(placed["number"])
