"""Browsing: pages, API, health, and what must not be reachable."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def shopper(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, trust_env=False, timeout=10) as client:
        yield client


def _ok(response: httpx.Response) -> httpx.Response:
    assert response.status_code == 200, f"{response.url}: {response.text[:500]}"
    return response


def _some_product(shopper: httpx.Client) -> dict[str, Any]:
    page: dict[str, Any] = _ok(shopper.get("/api/catalog/products", params={"in_stock": "true"})).json()
    product: dict[str, Any] = page["items"][0]
    return product


def test_a_shopper_finds_a_product_by_searching(shopper: httpx.Client) -> None:
    product = _some_product(shopper)
    _ok(shopper.get("/"))
    found = _ok(shopper.get("/search", params={"q": product["title"]}))
    assert f"/products/{product['slug']}" in found.text
    page = _ok(shopper.get(f"/products/{product['slug']}"))
    assert "<h1" in page.text
    assert page.headers["content-type"].startswith("text/html")


def test_a_shopper_walks_down_the_categories(shopper: httpx.Client) -> None:
    tree = _ok(shopper.get("/api/catalog/categories")).json()["items"]
    assert tree
    category = tree[0]
    while True:
        page = _ok(shopper.get(f"/categories/{category['slug']}"))
        if not category["children"]:
            break
        category = category["children"][0]
        assert f"/categories/{category['slug']}" in page.text


def test_a_developer_reads_the_api_and_pages_through_it(shopper: httpx.Client) -> None:
    document = _ok(shopper.get("/api/openapi.json")).json()
    assert "/api/catalog/products" in document["paths"]
    assert "/api/catalog/products" in _ok(shopper.get("/api/docs")).text
    first = _ok(shopper.get("/api/catalog/products", params={"limit": 5})).json()
    second = _ok(
        shopper.get("/api/catalog/products", params={"limit": 5, "cursor": first["next_cursor"]})
    ).json()
    slugs = [item["slug"] for item in first["items"] + second["items"]]
    assert len(slugs) == len(set(slugs)) == 10


def test_a_browser_that_has_an_answer_gets_304_through_traefik(shopper: httpx.Client) -> None:
    first = _ok(shopper.get("/api/catalog/categories"))
    again = shopper.get("/api/catalog/categories", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_every_response_of_ours_is_signed(shopper: httpx.Client) -> None:
    for path in (
        "/",
        "/api/catalog/products",
        "/api/checkout/nothing",
        "/api/jobs/nothing",
        "/up",
        "/health",
        "/nowhere",
    ):
        response = shopper.get(path)
        assert response.headers["x-request-id"], path
        assert response.headers["x-release"], path
        assert response.headers["x-content-type-options"] == "nosniff", path
        assert "server" not in response.headers, path


def _settled_health(shopper: httpx.Client) -> dict[str, Any]:
    """What `/health` says once nothing is left of a start or of another test's load; or after a minute."""
    until = time.monotonic() + 60
    while True:
        health: dict[str, Any] = _ok(shopper.get("/health")).json()
        if health["status"] == "ok" or time.monotonic() > until:
            return health
        time.sleep(0.2)


def test_an_operator_sees_every_dependency(shopper: httpx.Client) -> None:
    assert shopper.get("/up").text == "up\n"
    health = _settled_health(shopper)
    expected = {
        "database",
        "redis",
        "queue.durable",
        "queue.fast",
        "catalog",
        "checkout",
        "jobs",
        "storefront",
        "payment_gateway",
        "mail",
        "migrations",
        "disk",
    }
    if str(shopper.base_url).startswith("https://"):
        expected.add("certificate")
    assert set(health["checks"]) == expected
    assert health["status"] == "ok", health
    assert all("detail" not in check for check in health["checks"].values()), "details are for the operator"
    critical = {name for name, check in health["checks"].items() if check["critical"]}
    assert critical == {"database", "catalog", "checkout", "storefront"}


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/readyz",
        "/status",
        "/metrics",
        "/internal/catalog/x",
        "/api/rawdata",
        "/dashboard/",
        "/ping",
        "/debug/vars",
    ],
)
def test_the_operators_doors_are_not_reachable_from_outside(shopper: httpx.Client, path: str) -> None:
    assert shopper.get(path).status_code == 404


def test_the_jobs_dashboard_is_closed(shopper: httpx.Client) -> None:
    assert shopper.get("/jobs").status_code in (401, 303)
    assert shopper.get("/api/jobs/queues").status_code == 401


def test_a_wrong_address_gets_a_friendly_page_and_a_wrong_call_a_problem(shopper: httpx.Client) -> None:
    page = shopper.get("/products/there-is-no-such-thing")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    problem = shopper.get("/api/catalog/products/there-is-no-such-thing")
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"
