"""The files that Traefik watches."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from ops.deploy.routes import Maintenance, certificate_file, maintenance_file
from ops.publish_routes import publish
from tests.ops.echo_service import echo_service
from tests.ops.running_edge import running_edge

SHOP = ("catalog", "checkout", "jobs", "storefront", "sandbox")


def test_files_are_written_whole_and_others_removed(tmp_path: Path) -> None:
    (tmp_path / "maintenance.yml").write_text("old")
    assert publish(tmp_path, {"routes.yml": "new"}) == ["routes.yml", "maintenance.yml"]
    assert [file.name for file in tmp_path.iterdir()] == ["routes.yml"]
    assert (tmp_path / "routes.yml").read_text() == "new"


def test_what_did_not_change_is_not_touched(tmp_path: Path) -> None:
    publish(tmp_path, {"routes.yml": "same"})
    before = (tmp_path / "routes.yml").stat()
    assert publish(tmp_path, {"routes.yml": "same"}) == []
    assert (tmp_path / "routes.yml").stat() == before


def test_maintenance_spares_webhooks_and_health_and_the_inner_door() -> None:
    for router in maintenance_file(Maintenance())["http"]["routers"].values():
        assert router["entryPoints"] == ["public"]
        for path in ("/webhooks/payments", "/up", "/health"):
            assert f"!Path(`{path}`)" in router["rule"]


@pytest.mark.parametrize("listed", [SHOP, (*SHOP, "health")], ids=["without health", "with health"])
def test_a_closed_store_is_closed_with_or_without_its_page(tmp_path: Path, listed: tuple[str, ...]) -> None:
    """Traefik drops a router whose page comes from a service that its provider does not list."""
    written = json.dumps(maintenance_file(Maintenance(retry_after_seconds=77, page="/the/page")))
    routes = json.loads(written.replace("@swarm", "@file"))
    with ExitStack() as held:
        upstreams = [held.enter_context(echo_service(name))[0] for name in listed]
        edge = held.enter_context(running_edge(tmp_path, upstreams, routes))
        door = held.enter_context(httpx.Client(base_url=edge.public_url, trust_env=False))
        inner = held.enter_context(httpx.Client(base_url=edge.internal_url, trust_env=False))
        for path in ("/", "/api/catalog/products", "/api/checkout/carts", "/internal/health/anything"):
            answer = door.post(path)
            assert (answer.status_code, answer.headers.get("retry-after")) == (503, "77")
            assert answer.headers["cache-control"] == "no-store"
            assert ('"path": "/the/page"' in answer.text) == ("health" in listed)
        assert door.post("/webhooks/payments").json()["service"] == "checkout"
        assert inner.post("/api/checkout/carts").json()["service"] == "checkout"
        assert door.get("/up").status_code == (200 if "health" in listed else 503)


def test_a_certificate_that_is_not_there_yet_takes_no_route_away(tmp_path: Path) -> None:
    """The file that names it comes before the Traefik that has it."""
    with ExitStack() as held:
        upstreams = [held.enter_context(echo_service(name))[0] for name in (*SHOP, "health")]
        edge = held.enter_context(running_edge(tmp_path, upstreams, certificate_file()))
        assert httpx.get(f"{edge.public_url}/up", trust_env=False).json()["service"] == "health"
