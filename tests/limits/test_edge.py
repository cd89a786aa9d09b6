"""Traefik's own coarse limits: the real Traefik, with the routes that all providers share."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ops.local.edge import Edge, Upstream
from ops.local.ports import choose_ports
from ops.local.server_process import ServerProcess, wait_until
from tests.ops.echo_service import echo_service

SERVICES = ("catalog", "checkout", "jobs", "health", "storefront", "sandbox")


@contextmanager
def edge_of(folder: Path, proxies: str = "", **variables: str) -> Iterator[Edge]:
    ports = choose_ports(folder / "ports.json", ("public", "internal", "ping"))
    edge = Edge(folder, ports["public"], ports["internal"], ports["ping"], proxies)
    process = ServerProcess("Traefik", folder / "traefik.log", signal.SIGTERM)
    with echo_service("storefront") as (echo, _):
        edge.write([Upstream(name, echo.app_port, None) for name in SERVICES])
        given = {**edge.environment, "RATE_LIMIT_ENABLED": "yes", **variables}
        command = ["/usr/bin/env", *(f"{name}={value}" for name, value in given.items()), *edge.command()]
        process.start(command, lambda: _status(edge.ping_url) == 200)
        try:
            assert wait_until(lambda: _status(edge.internal_url + "/") == 200, 60)
            yield edge
        finally:
            process.stop()


def _status(url: str) -> int:
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return 0


def burst(url: str, number: int, **headers: str) -> Counter[int]:
    """So many requests one after the other; `X_Forwarded_For` may count up by `{n}`."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        return Counter(
            client.get(
                "/", headers={k.replace("_", "-"): v.format(n=n) for k, v in headers.items()}
            ).status_code
            for n in range(number)
        )


def test_a_flood_from_one_address_ends_at_the_door_whatever_it_says_it_is(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "10"}
    with edge_of(tmp_path, **slow) as edge:
        found = burst(edge.public_url, 100, X_Forwarded_For="198.51.100.{n}")
        assert 10 <= found[200] <= 20, found
        assert found[200] + found[429] == 100
        refused = httpx.get(edge.public_url, trust_env=False)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 0
        assert burst(edge.internal_url, 100) == {200: 100}


def test_behind_a_proxy_that_we_trust_each_client_has_a_limit_of_its_own(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3"}
    with edge_of(tmp_path, "127.0.0.1, 10.0.0.0/8", **slow) as edge:
        assert burst(edge.public_url, 60, X_Forwarded_For="198.51.100.{n}") == {200: 60}
        one = burst(edge.public_url, 60, X_Forwarded_For="192.0.2.{n}, 203.0.113.7")
        assert one[200] < 12, one
        household = burst(edge.public_url, 60, X_Forwarded_For="2001:db8:1:2:{n}::1")
        assert household[200] < 12, household
        assert burst(edge.public_url, 60, X_Forwarded_For="2001:db8:{n}::1") == {200: 60}


def test_behind_two_proxies_the_first_of_them_names_the_client(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3", "TRUSTED_PROXY_HOPS": "2"}
    with edge_of(tmp_path, "127.0.0.1, 10.0.0.0/8", **slow) as edge:
        assert burst(edge.public_url, 60, X_Forwarded_For="198.51.100.{n}, 10.0.0.{n}") == {200: 60}
        one = burst(edge.public_url, 60, X_Forwarded_For="192.0.2.{n}, 2001:db8:1:2::{n}, 10.0.0.{n}")
        assert one[200] < 12, one


@pytest.mark.parametrize(("hops", "named"), [("1", {}), ("2", {"X_Forwarded_For": "198.51.100.{n}"})])
def test_who_comes_by_fewer_proxies_shares_one_limit_and_can_not_choose_another(
    tmp_path: Path, hops: str, named: dict[str, str]
) -> None:
    """Around them, or by the second of two alone: there is no address where the client's would stand."""
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3", "TRUSTED_PROXY_HOPS": hops}
    with edge_of(tmp_path, "127.0.0.1", **slow) as edge:
        assert 3 <= burst(edge.public_url, 60, **named)[200] < 12


@pytest.mark.parametrize("variables", [{}, {"RATE_LIMIT_ENABLED": "no", "RATE_LIMIT_EDGE_BURST": "1"}])
def test_a_page_and_its_pictures_are_no_flood(tmp_path: Path, variables: dict[str, str]) -> None:
    """Nor is anything when limits are off."""
    with edge_of(tmp_path, **variables) as edge:
        assert burst(edge.public_url, 150) == {200: 150}
