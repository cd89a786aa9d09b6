"""Traefik's own coarse limits: the real Traefik, with the routes that all providers share."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
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


@dataclass(frozen=True)
class Burst:
    """`moments`: of its start, and of each answer."""

    answers: list[httpx.Response]
    moments: list[float]

    @property
    def found(self) -> Counter[int]:
        return Counter(answer.status_code for answer in self.answers)

    @property
    def seconds(self) -> float:
        return self.moments[-1] - self.moments[0]

    @property
    def buckets(self) -> int:
        """Traefik forgets one that nobody asked for a second or two: the next is full."""
        return 1 + sum(later - earlier > 1 for earlier, later in pairwise(self.moments))

    def is_one_clients(self, allowed: int) -> bool:
        """
        What the bucket of one client lets in: what it holds, one more a second, and half a second early
        (Traefik lets wait who would be let in that soon); all the others are refused.
        """
        let_in, refused = self.found[200], self.found[429]
        most = allowed * self.buckets + self.seconds + 1
        return allowed <= let_in <= most and let_in + refused == len(self.answers)


def burst(url: str, number: int, **headers: str) -> Burst:
    """So many requests one after the other; `X_Forwarded_For` may count up by `{n}`."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        made = Burst([], [time.monotonic()])
        for n in range(number):
            named = {k.replace("_", "-"): v.format(n=n) for k, v in headers.items()}
            made.answers.append(client.get("/", headers=named))
            made.moments.append(time.monotonic())
        return made


def test_a_flood_from_one_address_ends_at_the_door_whatever_it_says_it_is(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "10"}
    with edge_of(tmp_path, **slow) as edge:
        flood = burst(edge.public_url, 100, X_Forwarded_For="198.51.100.{n}")
        assert flood.is_one_clients(10), (flood.found, flood.seconds)
        refused = [answer for answer in flood.answers if answer.status_code == 429]
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 0 for answer in refused)
        assert burst(edge.internal_url, 100).found == {200: 100}


def test_behind_a_proxy_that_we_trust_each_client_has_a_limit_of_its_own(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3"}
    with edge_of(tmp_path, "127.0.0.1, 10.0.0.0/8", **slow) as edge:
        assert burst(edge.public_url, 60, X_Forwarded_For="198.51.100.{n}").found == {200: 60}
        one = burst(edge.public_url, 60, X_Forwarded_For="192.0.2.{n}, 203.0.113.7")
        assert one.is_one_clients(3), (one.found, one.seconds)
        household = burst(edge.public_url, 60, X_Forwarded_For="2001:db8:1:2:{n}::1")
        assert household.is_one_clients(3), (household.found, household.seconds)
        assert burst(edge.public_url, 60, X_Forwarded_For="2001:db8:{n}::1").found == {200: 60}


def test_behind_two_proxies_the_first_of_them_names_the_client(tmp_path: Path) -> None:
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3", "TRUSTED_PROXY_HOPS": "2"}
    with edge_of(tmp_path, "127.0.0.1, 10.0.0.0/8", **slow) as edge:
        assert burst(edge.public_url, 60, X_Forwarded_For="198.51.100.{n}, 10.0.0.{n}").found == {200: 60}
        one = burst(edge.public_url, 60, X_Forwarded_For="192.0.2.{n}, 2001:db8:1:2::{n}, 10.0.0.{n}")
        assert one.is_one_clients(3), (one.found, one.seconds)


@pytest.mark.parametrize(("hops", "named"), [("1", {}), ("2", {"X_Forwarded_For": "198.51.100.{n}"})])
def test_who_comes_by_fewer_proxies_shares_one_limit_and_can_not_choose_another(
    tmp_path: Path, hops: str, named: dict[str, str]
) -> None:
    """Around them, or by the second of two alone: there is no address where the client's would stand."""
    slow = {"RATE_LIMIT_EDGE_PER_SECOND": "1", "RATE_LIMIT_EDGE_BURST": "3", "TRUSTED_PROXY_HOPS": hops}
    with edge_of(tmp_path, "127.0.0.1", **slow) as edge:
        all_of_them = burst(edge.public_url, 60, **named)
        assert all_of_them.is_one_clients(3), (all_of_them.found, all_of_them.seconds)


@pytest.mark.parametrize("variables", [{}, {"RATE_LIMIT_ENABLED": "no", "RATE_LIMIT_EDGE_BURST": "1"}])
def test_a_page_and_its_pictures_are_no_flood(tmp_path: Path, variables: dict[str, str]) -> None:
    """Nor is anything when limits are off."""
    with edge_of(tmp_path, **variables) as edge:
        assert burst(edge.public_url, 150).found == {200: 150}
