"""Routes: a path is what it says and nothing else, for whoever routes it and whoever counts it."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Match, Route

from ops.sandbox.app import OPERATIONS as SANDBOX
from ops.sandbox.app import PAGES as SANDBOX_PAGES
from services.admission import Declared
from services.lifecycle import Lifecycle
from services.ops_port import ops_app
from services.routes import ExactRoute, routes_of
from tests.house import House, opened, service_of
from tests.security.test_doors import OPERATIONS

pytestmark = pytest.mark.anyio

SANDBOX_ROUTES = [*SANDBOX_PAGES, *(ExactRoute(o.path, o.__call__, methods=[o.method]) for o in SANDBOX)]


def _matches(route: Route, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    return route.matches(scope)[0] is not Match.NONE


@pytest.mark.parametrize(
    "route", [*routes_of(OPERATIONS), *SANDBOX_ROUTES], ids=lambda route: str(route.path)
)
def test_no_route_takes_a_line_break_at_the_end_of_a_path(route: Route) -> None:
    """A limit compares whole paths: what it does not know must not be served either."""
    path = re.sub(r"\{[^}]+\}", "7", route.path)
    assert _matches(route, path)
    assert not _matches(route, path + "\n")
    assert not _matches(route, path + "\n\n")


@pytest.mark.parametrize("path", ["/api/look", "/api/carts/1/order"])
async def test_a_path_with_a_line_break_at_its_end_is_not_found(path: str) -> None:
    house = House()
    house.door.set()
    async with opened(service_of("exact-house"), house) as client:
        method = "POST" if path.endswith("order") else "GET"
        assert (await client.request(method, path)).status_code == 200
        answer = await client.request(method, path + quote("\n"))
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_ops_port_does_not_take_one_either() -> None:
    app = ops_app(Lifecycle(), "r1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ops") as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/livez%0A")).status_code == 404


def test_what_is_no_order_has_no_share_in_the_places_of_orders() -> None:
    declared = Declared(OPERATIONS)
    assert declared.of("POST", "/api/checkout/carts/7/order") == "reserved"
    assert declared.of("POST", "/api/checkout/carts/7/order\n") == "ordinary"
