"""Limits as callers meet them: problems for programs, pages for people, addresses from whom we trust."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial

import httpx
import pytest

from services.catalog.app import service as catalog
from services.checkout.app import service as checkout
from services.health.app import service as health
from services.jobs.app import service as jobs
from services.storefront.app import service as storefront
from tests.checkout.conftest import ADMIN, problem_of
from tests.checkout.desk import open_desk
from tests.conftest import in_process
from tests.health.doors import ready_urls
from tests.sandbox import RunningSandbox, running_sandbox
from tests.storefront.conftest import open_door

pytestmark = pytest.mark.anyio

PRODUCTS, SUGGEST = "/api/catalog/products", "/api/catalog/suggest?q=te"


def by(address: str, **headers: str) -> dict[str, str]:
    return {"X-Forwarded-For": address, **headers}


@pytest.fixture
def limits(database_url: str, environment: Callable[..., None], own_valkey_url: str) -> Callable[..., None]:
    """Turns them on, over a Valkey of the test's own; the numbers are the test's."""
    return partial(environment, DATABASE_URL=database_url, REDIS_URL=own_valkey_url, RATE_LIMIT_ENABLED="yes")


@pytest.fixture
async def gateway() -> AsyncIterator[RunningSandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def shelf(limits: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    limits(
        RATE_LIMIT_READS_PER_MINUTE=4,
        RATE_LIMIT_SUGGEST_PER_MINUTE=2,
        RATE_LIMIT_WRITES_PER_MINUTE=6,
        RATE_LIMIT_BLOCKLIST="203.0.113.0/24",
    )
    async with in_process(catalog) as client:
        yield client


async def test_the_excess_gets_a_problem_that_says_when_to_come_back(shelf: httpx.AsyncClient) -> None:
    assert [(await shelf.get(PRODUCTS, headers=by("192.0.2.1"))).status_code for _ in range(4)] == [200] * 4
    answer = await shelf.get(PRODUCTS, headers=by("192.0.2.1"))
    assert problem_of(answer) == (429, "limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit-policy"] == '"reads";q=4;w=60'
    assert answer.headers["cache-control"] == "no-store"
    assert (await shelf.get(SUGGEST, headers=by("192.0.2.1"))).status_code == 200, "a counter of its own"
    assert (await shelf.get(PRODUCTS, headers=by("192.0.2.2"))).status_code == 200


async def test_an_address_that_the_caller_made_up_does_not_count(shelf: httpx.AsyncClient) -> None:
    """Only the last one was written by somebody we trust: our own Traefik."""
    found = [
        (await shelf.get(PRODUCTS, headers=by(f"198.51.100.{n}, 192.0.2.1"))).status_code for n in range(9)
    ]
    assert found == [200] * 4 + [429] * 5


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("192.0.2.1:40001", "192.0.2.1:40002"),
        ("[2001:db8:1:2::1]:443", "[2001:db8:1:2::2]:443"),
        ("_a", "_b"),
    ],
)
async def test_an_address_with_a_port_and_one_that_can_not_be_read_are_counted(
    shelf: httpx.AsyncClient, first: str, second: str
) -> None:
    """With a blocklist that names others."""
    found = [(await shelf.get(PRODUCTS, headers=by(a))).status_code for a in (first, second) * 3]
    assert found == [200] * 4 + [429] * 2


async def test_what_the_blocklist_names_gets_403(shelf: httpx.AsyncClient) -> None:
    assert problem_of(await shelf.get(PRODUCTS, headers=by("203.0.113.200"))) == (403, "banned")


@pytest.mark.parametrize("path", ["/jobs/login", "/api/jobs/queues"])
async def test_the_blocklist_holds_for_staff_too(limits: Callable[..., None], path: str) -> None:
    limits(RATE_LIMIT_BLOCKLIST="203.0.113.0/24", RATE_LIMIT_READS_PER_MINUTE=1)
    async with in_process(jobs) as client:
        assert problem_of(await client.get(path, headers=by("203.0.113.200"))) == (403, "banned")
        for _ in range(3):  # no other limit
            assert (await client.get(path, headers=by("192.0.2.1"))).status_code in {200, 401}
        inner = by("203.0.113.200", **{"X-Entry": "internal"})
        assert (await client.get(path, headers=inner)).status_code in {200, 401}


@pytest.mark.parametrize("path", ["/health", "/up"])
async def test_whether_the_store_is_well_is_told_to_everybody(limits: Callable[..., None], path: str) -> None:
    limits(RATE_LIMIT_BLOCKLIST="203.0.113.0/24", RATE_LIMIT_READS_PER_MINUTE=1, **ready_urls())
    async with in_process(health) as client:
        for _ in range(3):
            assert (await client.get(path, headers=by("203.0.113.200"))).status_code == 200


async def test_our_own_services_read_as_much_as_they_like(shelf: httpx.AsyncClient) -> None:
    inner = by("192.0.2.1, 10.0.0.7", **{"X-Entry": "internal"})
    assert {(await shelf.get(PRODUCTS, headers=inner)).status_code for _ in range(30)} == {200}


async def test_an_entry_that_the_caller_names_otherwise_is_public(shelf: httpx.AsyncClient) -> None:
    headers = by("192.0.2.1", **{"X-Entry": "Internal"})
    assert [(await shelf.get(PRODUCTS, headers=headers)).status_code for _ in range(6)] == [200] * 4 + [
        429
    ] * 2


async def test_the_admins_key_is_not_limited_and_guesses_at_it_are(
    shelf: httpx.AsyncClient,
) -> None:
    path = "/api/catalog/admin/import"
    for n in range(20):
        spelled = ADMIN["Authorization"].replace("Bearer", ("Bearer", "bearer")[n % 2])
        answer = await shelf.post(path, headers=by("192.0.2.1", Authorization=spelled), content=b"")
        assert answer.status_code == 415
    guesses = [
        (await shelf.post(path, headers=by("192.0.2.9", Authorization=f"Bearer {n}"))).status_code
        for n in range(8)
    ]
    assert guesses == [401] * 6 + [429] * 2


async def test_people_get_a_page_in_their_language(
    database_url: str,
    environment: Callable[..., None],
    own_valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment(DATABASE_URL=database_url, REDIS_URL=own_valkey_url)
    async with open_door() as door:
        monkeypatch.setenv("INTERNAL_URL", door.url)
        monkeypatch.setenv("RATE_LIMIT_ENABLED", "yes")
        monkeypatch.setenv("RATE_LIMIT_READS_PER_MINUTE", "2")
        async with in_process(storefront) as shop:
            mine = by("192.0.2.1", **{"Accept-Language": "de"})
            assert [(await shop.get("/", headers=mine)).status_code for _ in range(2)] == [200] * 2
            page = await shop.get("/", headers=mine)
            assert page.status_code == 429
            assert page.headers["content-type"].startswith("text/html")
            assert page.headers["content-language"] == "de"
            assert "content-security-policy" in page.headers
            assert 1 <= int(page.headers["retry-after"]) <= 60
            assert page.headers["ratelimit-policy"] == '"reads";q=2;w=60'
            style = await shop.get("/assets/none.css", headers=mine)
            assert style.status_code == 404, "what a page is made of is not counted"
            scanned = await shop.get("/.env", headers=by("192.0.2.8"))
            assert scanned.status_code == 403
            assert "refused for now" in scanned.text


@pytest.mark.parametrize(("site", "afterwards"), [("cross-site", 200), ("same-site", 200), ("none", 403)])
async def test_pictures_on_another_sites_page_ban_nobody_who_looks_at_it(
    limits: Callable[..., None], site: str, afterwards: int
) -> None:
    limits()
    async with in_process(catalog) as client:
        headers = by("192.0.2.7", **{"Sec-Fetch-Site": site})
        assert {(await client.get("/.env", headers=headers)).status_code for _ in range(12)} == {403}
        assert (await client.get(PRODUCTS, headers=by("192.0.2.7"))).status_code == afterwards


async def test_a_shopper_who_orders_by_the_storefront_is_the_one_who_is_counted(
    limits: Callable[..., None],
) -> None:
    limits(RATE_LIMIT_ORDERS_PER_MINUTE=3)
    async with in_process(checkout) as client:

        async def order(shopper: str, cart: int) -> int:
            headers = by(f"{shopper}, 10.0.0.7", **{"X-Entry": "internal", "Idempotency-Key": f"k{cart}"})
            return (await client.post(f"/api/checkout/carts/c{cart}/order", headers=headers)).status_code

        assert [await order("192.0.2.1", n) for n in range(5)] == [404] * 3 + [429] * 2
        assert await order("192.0.2.1", 0) == 404, "a replay counts once"
        assert await order("192.0.2.2", 9) == 404


async def test_webhooks_are_capped_by_number_and_size(
    limits: Callable[..., None],
) -> None:
    limits(RATE_LIMIT_WEBHOOKS_PER_MINUTE=3)
    async with in_process(checkout) as client:
        large = await client.post("/webhooks/payments", content=b"x" * 256_001)
        assert problem_of(large) == (413, "too-large")
        found = [(await client.post("/webhooks/payments", content=b"{}")).status_code for _ in range(4)]
        assert found == [400, 400, 429, 429]


async def test_a_strangers_flood_leaves_the_webhook_to_the_gateway(
    limits: Callable[..., None], gateway: RunningSandbox, database_url: str
) -> None:
    limits(**gateway.environment, RATE_LIMIT_WEBHOOKS_PER_MINUTE=3)
    async with open_desk(database_url, gateway) as desk:

        async def rubbish(address: str) -> int:
            return (
                await desk.client.post("/webhooks/payments", content=b"{}", headers=by(address))
            ).status_code

        assert [await rubbish("198.51.100.9") for _ in range(6)] == [400] * 3 + [429] * 3
        told = await desk.receive(b'{"id": "evt_1", "type": "x", "data": {"object": {}}}', **by("192.0.2.50"))
        assert told.status_code == 200, told.text


async def test_with_limits_off_nobody_is_counted(
    database_url: str, environment: Callable[..., None], own_valkey_url: str
) -> None:
    environment(DATABASE_URL=database_url, REDIS_URL=own_valkey_url, RATE_LIMIT_READS_PER_MINUTE=1)
    async with in_process(catalog) as client:
        assert {(await client.get(PRODUCTS)).status_code for _ in range(5)} == {200}
