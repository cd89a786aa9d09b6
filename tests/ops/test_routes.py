"""Which URL reaches which service, by which door: the real Traefik before stand-in services."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.local.edge import SOURCE, Edge, Upstream
from ops.local.ports import choose_ports
from ops.local.server_process import ServerProcess, wait_until
from tests.ops.echo_service import Ready, echo_service

SERVICES = ("catalog", "checkout", "jobs", "health", "storefront")


@dataclass(frozen=True)
class Doors:
    public: httpx.Client
    internal: httpx.Client
    ready: dict[str, type[Ready]]

    def seen(self, path: str, *, door: str = "public", **request: Any) -> dict[str, Any]:
        """What reached a service when this path was asked for."""
        client: httpx.Client = getattr(self, door)
        answer: dict[str, Any] = client.request(request.pop("method", "GET"), path, **request).json()
        return answer


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Doors]:
    folder: Path = tmp_path_factory.mktemp("edge")
    proxies = getattr(request, "param", "")
    ports = choose_ports(folder / "ports.json", ("public", "internal", "ping"))
    edge = Edge(folder, ports["public"], ports["internal"], ports["ping"], proxies)
    process = ServerProcess("Traefik", folder / "traefik.log", signal.SIGTERM)
    with ExitStack() as held:
        services = {name: held.enter_context(echo_service(name)) for name in SERVICES}
        sandbox, _ = held.enter_context(echo_service("sandbox"))
        own = Upstream("sandbox", sandbox.app_port, None)
        # Whose readiness is asked for can miss a check on a busy machine, and then gets no requests.
        unasked = (replace(up, ops_port=None) for name, (up, _) in services.items() if name != "jobs")
        edge.write([*unasked, services["jobs"][0], own])
        command = ["/usr/bin/env", "UPSTREAM_PROVIDER=file", *edge.command()]
        process.start(command, lambda: _answers(edge.ping_url))
        held.callback(process.stop)
        assert wait_until(lambda: _answers(edge.public_url + "/"), 60)
        public = held.enter_context(httpx.Client(base_url=edge.public_url, trust_env=False))
        internal = held.enter_context(httpx.Client(base_url=edge.internal_url, trust_env=False))
        yield Doors(public, internal, {name: ready for name, (_, ready) in services.items()})


@pytest.mark.parametrize("door", ["public", "internal"])
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "storefront"),
        ("/categories/tea", "storefront"),
        ("/products/teapot", "storefront"),
        ("/search?q=tea", "storefront"),
        ("/cart", "storefront"),
        ("/checkout", "storefront"),
        ("/orders/abc", "storefront"),
        ("/assets/shop.css", "storefront"),
        ("/pictures/teapot.svg", "storefront"),
        ("/favicon.ico", "storefront"),
        ("/robots.txt", "storefront"),
        ("/sitemap.xml", "storefront"),
        ("/sitemaps/products-0.xml", "storefront"),
        ("/language", "storefront"),
        ("/api/openapi.json", "storefront"),
        ("/api/docs", "storefront"),
        ("/api/catalog/products", "catalog"),
        ("/api/checkout/carts/1", "checkout"),
        ("/webhooks/payments", "checkout"),
        ("/jobs", "jobs"),
        ("/jobs/queues", "jobs"),
        ("/api/jobs/queues", "jobs"),
        ("/up", "health"),
        ("/health", "health"),
    ],
)
def test_a_public_path_reaches_its_service_by_both_doors(
    doors: Doors, door: str, path: str, service: str
) -> None:
    seen = doors.seen(path, door=door)
    assert (seen["service"], seen["path"]) == (service, path)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/livez",
        "/readyz",
        "/status",
        "/ping",
        "/dashboard/",
        "/api/rawdata",
        "/api/entrypoints",
        "/health/detail",
        "/upload",
        "/jobsite",
        "/webhooks/other",
        "/no/such/page",
    ],
)
def test_every_other_path_is_left_to_the_storefronts_404(doors: Doors, path: str) -> None:
    assert doors.seen(path)["service"] == "storefront"


@pytest.mark.parametrize(
    "path", ["/sandbox", "/sandbox/v1/payment_intents", "/mailbox", "/mailbox/messages/1"]
)
def test_the_sandbox_stands_at_the_public_door_only(doors: Doors, path: str) -> None:
    assert doors.seen(path)["service"] == "sandbox"
    assert doors.seen(path, door="internal")["service"] == "storefront"


@pytest.mark.parametrize("path", ["/sandboxes", "/mailboxes", "/sandbox%2fv1"])
def test_a_path_that_only_begins_like_the_sandboxs_is_not_its(doors: Doors, path: str) -> None:
    assert doors.seen(path)["service"] == "storefront"


def test_the_routes_that_production_shares_do_not_name_the_sandbox() -> None:
    shared = (SOURCE / "routes.yml").read_text()
    assert "sandbox" not in shared
    assert "mailbox" not in shared


@pytest.mark.parametrize(
    "path",
    [
        "/internal",
        "/internal/catalog/prices",
        "/internal/checkout/stock",
        "/internal/storefront/anything",
        "//internal/catalog/prices",
        "/./internal/catalog/prices",
        "/cart/../internal/catalog/prices",
        "/%69nternal/catalog/prices",
        "/internal%2fcatalog%2fprices",
        "/internal%5ccatalog",
        "/api/catalog/%2e%2e/%2e%2e/internal/catalog/prices",
    ],
)
def test_an_internal_path_from_outside_is_a_page_that_cannot_exist(doors: Doors, path: str) -> None:
    raw = httpx.URL(str(doors.public.base_url)).copy_with(raw_path=path.encode())
    seen = doors.public.get(raw).json()
    assert (seen["service"], seen["path"]) == ("storefront", "/no-such-page")


@pytest.mark.parametrize("service", SERVICES)
def test_an_internal_path_reaches_its_service_by_the_inner_door(doors: Doors, service: str) -> None:
    seen = doors.seen(f"/internal/{service}/thing", door="internal")
    assert (seen["service"], seen["path"]) == (service, f"/internal/{service}/thing")


@pytest.mark.parametrize("door", ["public", "internal"])
@pytest.mark.parametrize("claimed", ["internal", "public", "root"])
def test_the_door_is_named_by_traefik_whatever_the_caller_claims(
    doors: Doors, door: str, claimed: str
) -> None:
    seen = doors.seen("/api/catalog/products", door=door, headers={"X-Entry": claimed})
    assert seen["headers"]["x-entry"] == door


def test_the_door_cannot_be_hidden_by_calling_it_hop_by_hop(doors: Doors) -> None:
    headers = {"X-Entry": "internal", "Connection": "X-Entry, keep-alive"}
    assert doors.seen("/up", headers=headers)["headers"].get("x-entry", "public") == "public"


@pytest.mark.parametrize("door", ["public", "internal"])
def test_no_service_is_asked_to_speak_another_protocol(doors: Doors, door: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    seen = doors.seen("/up", door=door, method="POST", headers=headers, content=b"abc")
    assert seen["body_bytes"] == 3
    assert not {"upgrade", "connection"} & seen["headers"].keys()


def test_only_our_own_services_may_set_a_deadline(doors: Doors) -> None:
    headers = {"X-Deadline-Ms": "250"}
    assert "x-deadline-ms" not in doors.seen("/up", headers=headers)["headers"]
    assert doors.seen("/up", door="internal", headers=headers)["headers"]["x-deadline-ms"] == "250"


def test_a_client_cannot_choose_its_address(doors: Doors) -> None:
    seen = doors.seen("/up", headers={"X-Forwarded-For": "203.0.113.9"})
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_a_service_passes_the_shoppers_address_on(doors: Doors) -> None:
    seen = doors.seen("/up", door="internal", headers={"X-Forwarded-For": "203.0.113.9"})
    assert seen["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"


@pytest.mark.parametrize("doors", ["127.0.0.0/8, 192.0.2.1"], indirect=True)
def test_a_trusted_proxy_passes_the_shoppers_address_on(doors: Doors) -> None:
    seen = doors.seen("/up", headers={"X-Forwarded-For": "203.0.113.9"})
    assert seen["headers"]["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"


def test_request_ids_and_traces_are_passed_on(doors: Doors) -> None:
    headers = {"x-request-id": "abc-12345", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    seen = doors.seen("/up", headers=headers)["headers"]
    assert {name: seen[name] for name in headers} == headers


def test_answers_to_the_world_carry_security_headers_and_hide_the_server(doors: Doors) -> None:
    headers = doors.public.get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers  # plain http here
    assert "server" not in headers


def test_an_encoded_character_in_a_name_reaches_the_service_as_it_was_sent(doors: Doors) -> None:
    path = b"/api/catalog/products/50%25-off%2Ftea%3B%00%23%3F"
    raw = httpx.URL(str(doors.public.base_url)).copy_with(raw_path=path)
    assert doors.public.get(raw).json()["path"].encode() == path


@pytest.mark.parametrize("door", ["public", "internal"])
def test_a_large_upload_arrives_whole(doors: Doors, door: str) -> None:
    body = b"x" * 5_000_000
    seen = doors.seen("/api/catalog/admin/import", door=door, method="POST", content=body)
    assert seen["body_bytes"] == len(body)


def test_a_service_that_is_not_ready_gets_no_requests_until_it_is(doors: Doors) -> None:
    ready = doors.ready["jobs"]
    try:
        ready.ready = False
        assert wait_until(lambda: doors.public.get("/jobs").status_code == 503, 30)
        assert doors.public.get("/up").status_code == 200
    finally:
        ready.ready = True
    assert wait_until(lambda: doors.public.get("/jobs").status_code == 200, 30)
