"""A service that Traefik's provider does not list, as Swarm's does not while none of its tasks runs: it is
away, and nobody else answers in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from ops.local.edge import SOURCE, Edge
from tests.ops.echo_service import echo_service
from tests.ops.running_edge import running_edge

SERVICES = ("catalog", "checkout", "jobs", "health", "storefront")
PUBLIC_PATHS = {
    "/api/catalog/products/tea": "catalog",
    "/api/checkout/carts/1": "checkout",
    "/webhooks/payments": "checkout",
    "/jobs": "jobs",
    "/jobs/queues": "jobs",
    "/api/jobs/queues": "jobs",
    "/up": "health",
    "/health": "health",
    "/": "storefront",
    "/products/tea": "storefront",
    "/no/such/page": "storefront",
}
INNER_PATHS = {**PUBLIC_PATHS, **{f"/internal/{name}/thing": name for name in SERVICES}}


@pytest.fixture(scope="module", params=[SERVICES[:-1], SERVICES[-1:]], ids=["all but one", "storefront"])
def edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """One that has not heard of the services named, and leads to the others."""
    with ExitStack() as held:
        listed = [name for name in (*SERVICES, "sandbox") if name not in request.param]
        upstreams = [held.enter_context(echo_service(name))[0] for name in listed]
        yield held.enter_context(running_edge(tmp_path_factory.mktemp("edge"), upstreams))


@pytest.fixture
def absent(edge: Edge) -> set[str]:
    servers = (edge.folder / "dynamic" / "servers.yml").read_text()
    return {name for name in SERVICES if f'"{name}"' not in servers}


@pytest.mark.parametrize("door", ["public", "internal"])
def test_what_is_its_own_is_503_and_all_else_goes_on(edge: Edge, absent: set[str], door: str) -> None:
    """Without Retry-After, which only what is there says: services take it for silence."""
    paths = PUBLIC_PATHS if door == "public" else INNER_PATHS
    with httpx.Client(base_url=getattr(edge, f"{door}_url"), trust_env=False) as client:
        answers = {path: client.get(path) for path in paths}
    served = {path: answer.json()["service"] for path, answer in answers.items() if answer.status_code == 200}
    assert served == {path: name for path, name in paths.items() if name not in absent}
    away = [answer for path, answer in answers.items() if path not in served]
    assert {answer.status_code for answer in away} == {503}
    assert not any("retry-after" in answer.headers for answer in away)


def test_from_outside_an_inner_path_is_still_no_services(edge: Edge, absent: set[str]) -> None:
    for name in SERVICES:
        answer = httpx.get(f"{edge.public_url}/internal/{name}/thing", trust_env=False)
        if "storefront" in absent:
            assert answer.status_code == 503
        else:
            assert (answer.json()["service"], answer.json()["path"]) == ("storefront", "/no-such-page")


def test_no_route_is_without_its_second_one() -> None:
    """From outside an inner path is left to the storefront, and to what stands behind that."""
    routes = (SOURCE / "routes.yml").read_text()
    led = set(re.findall(r"(?m)^    (\S.*):\n(?:      .*\n)*?      service: '.*@\{\{ \$at \}\}'", routes))
    assert led - {"inner-from-outside"} == set(re.findall(r"(?m)^    (\S.*)-away: \{", routes))
    assert {"catalog", "storefront", "inner-{{ $service }}"} <= led
