"""Traefik's settings in the swarm, and those of what it sees of the engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.console import OperatorError
from ops.deploy import edge, ledger, maintenance, stacks
from ops.deploy.docker import Docker
from ops.deploy.edge import render_edge
from ops.deploy.maintenance import Closed
from ops.deploy.stacks import SideStack
from tests.ops.deploy.destinations import destination, ledger_entry

ROOT = Path(__file__).parent.parent.parent.parent
SUBNET = "10.0.9.0/24"


def _edge(**variables: str) -> SideStack:
    return render_edge(destination(**variables), SUBNET)


def _static(stack: SideStack) -> dict[str, Any]:
    [content] = [content for name, content in stack.configs.items() if "_traefik_" in name]
    found: dict[str, Any] = yaml.safe_load(content)
    return found


def _ports(stack: SideStack) -> set[int]:
    return {port["published"] for port in stack.compose["services"]["traefik"]["ports"]}


def test_the_doors_are_those_of_the_local_stack() -> None:
    """Whatever protects a door locally protects it here: what is on one list only is named below."""
    local = yaml.safe_load((ROOT / "traefik" / "local.yml").read_text())["entryPoints"]
    swarm = _static(_edge(TLS="off"))["entryPoints"]
    assert set(swarm) == set(local)
    for door, settings in local.items():
        assert swarm[door].get("http") == settings.get("http")
        assert swarm[door].get("asDefault") == settings.get("asDefault")
        times = [one.get("transport", {}).get("respondingTimeouts") for one in (swarm[door], settings)]
        assert times[0] == times[1]


def test_connections_to_services_are_kept_as_in_the_local_stack() -> None:
    local = yaml.safe_load((ROOT / "traefik" / "local.yml").read_text())
    assert _static(_edge())["serversTransport"] == local["serversTransport"]


def test_the_inner_door_believes_our_network_and_the_public_one_nobody() -> None:
    doors = _static(_edge())["entryPoints"]
    assert doors["internal"]["forwardedHeaders"]["trustedIPs"] == ["127.0.0.1/32", SUBNET]
    assert doors["public"]["forwardedHeaders"]["trustedIPs"] == []


def test_proxies_in_front_are_believed_when_named() -> None:
    doors = _static(_edge(TRUSTED_PROXIES="10.1.0.0/16, 10.2.0.1"))["entryPoints"]
    assert doors["public"]["forwardedHeaders"]["trustedIPs"] == ["10.1.0.0/16", "10.2.0.1"]


def test_the_limit_at_the_door_knows_how_many_proxies_are_in_the_way() -> None:
    for hops, told in (({}, 1), ({"TRUSTED_PROXY_HOPS": "2"}, 2)):
        traefik = _edge(TRUSTED_PROXIES="10.1.0.0/16", **hops).compose["services"]["traefik"]
        assert int(traefik["environment"]["TRUSTED_PROXY_HOPS"]) == told


def test_only_the_public_door_is_published_and_on_the_node_itself() -> None:
    stack = _edge(TLS="off", HTTP_PORT="8080")
    [port] = stack.compose["services"]["traefik"]["ports"]
    assert (port["published"], port["mode"]) == (8080, "host")
    assert _static(stack)["entryPoints"]["public"]["address"] == f":{port['target']}"


def test_with_tls_the_plain_port_only_sends_to_the_other() -> None:
    stack = _edge(HTTPS_PORT="8443")
    doors = _static(stack)["entryPoints"]
    assert _ports(stack) == {80, 8443}
    assert doors["redirect"]["http"]["redirections"]["entryPoint"]["to"] == ":8443"
    assert doors["public"]["http"]["middlewares"] == ["public-door@file"]


def test_acme_asks_for_the_host_of_the_public_url() -> None:
    static = _static(_edge(ACME_EMAIL="me@shop.example"))
    assert static["entryPoints"]["public"]["http"]["tls"]["domains"] == [{"main": "shop.example"}]
    assert static["certificatesResolvers"]["acme"]["acme"]["email"] == "me@shop.example"


def test_a_certificate_of_ones_own_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("certificate")
    (tmp_path / "key.pem").write_text("key")
    files = {
        "TLS_CERTIFICATE_FILE": str(tmp_path / "certificate.pem"),
        "TLS_KEY_FILE": str(tmp_path / "key.pem"),
    }
    stack = _edge(TLS="certificate", **files)
    assert set(stack.secrets.values()) == {b"certificate", b"key"}
    assert stack.compose["services"]["traefik"]["secrets"] == ["tls_certificate", "tls_key"]
    assert "certificatesResolvers" not in _static(stack)


def test_a_missing_certificate_is_named() -> None:
    with pytest.raises(OperatorError, match="TLS_CERTIFICATE_FILE is not set"):
        _edge(TLS="certificate")


def test_another_setting_is_another_config_and_another_hash() -> None:
    before, after = _edge(), _edge(TRUSTED_PROXIES="10.1.0.0/16")
    assert set(before.configs) != set(after.configs)
    assert before.hash_of("traefik") != after.hash_of("traefik")


def test_the_socket_proxy_reads_and_lets_nothing_else_through() -> None:
    text = (ROOT / "traefik" / "socket_proxy.cfg").read_text()
    assert "acl reads method GET HEAD" in text
    assert "http-request deny deny_status 403 unless reads open" in text
    for path in re.findall(r"path_reg (\S+)", text):
        for refused in ("/secrets", "/v1.41/configs", "/containers/json", "/services/x/logs", "/info"):
            assert not re.fullmatch(path, refused)


def test_nothing_is_left_to_fill_in() -> None:
    stack = _edge()
    assert "${" not in str(stack.compose)
    assert not any(b"${" in content for content in stack.configs.values())


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What a restart of the edge does, in its order: this is about the order, not about the engine."""
    steps: list[tuple[str, Any]] = []

    def publish(_docker: Docker, manifest: Any, _to: Any, *, maintenance: Any = None) -> None:
        steps.append(("routes", (manifest.release, maintenance)))

    monkeypatch.setattr(edge, "_check_nodes", lambda *_: None)
    monkeypatch.setattr(edge, "edge_stack", lambda *_: None)
    monkeypatch.setattr(edge, "publish_routes", publish)
    monkeypatch.setattr(stacks, "restart", lambda *_: steps.append(("restart", None)))
    monkeypatch.setattr(maintenance, "closed", lambda *_: None)
    monkeypatch.setattr(ledger, "current", lambda *_: ledger_entry())
    return steps


def test_a_traefik_that_restarts_finds_the_routes_of_the_release(done: list[tuple[str, Any]]) -> None:
    edge.restart(Docker(), destination())
    assert done == [("routes", ("r1", None)), ("restart", None)]


def test_a_closed_store_is_closed_after_a_restart(
    done: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Closed("2026-01-02T03:04:05Z", "ada@desk", "Back at noon")
    monkeypatch.setattr(maintenance, "closed", lambda *_: said)
    edge.restart(Docker(), destination())
    assert done[0] == ("routes", ("r1", said.routes()))


def test_before_the_first_deploy_there_are_no_routes(
    done: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "current", lambda *_: None)
    edge.restart(Docker(), destination())
    assert done == [("restart", None)]
