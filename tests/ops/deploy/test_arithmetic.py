"""The times and the connections that preflight insists on."""

from __future__ import annotations

import dataclasses

import pytest

from ops.deploy import connections
from ops.deploy.arithmetic import problems_with, times_of
from services.settings import DatabaseSettings
from tests.ops.deploy.destinations import destination


def test_the_defaults_fit() -> None:
    assert problems_with(times_of(destination())) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAME_DUCK_SECONDS", "2"),
        ("KEEP_ALIVE_SECONDS", "30"),
    ],
)
def test_a_time_that_is_too_short_is_named(variable: str, value: str) -> None:
    [problem] = problems_with(times_of(destination(**{variable: value})))
    assert problem.startswith(f"{variable} is {value}: ")


def test_a_grace_that_is_too_short_is_named() -> None:
    times = dataclasses.replace(times_of(destination()), web_grace=20.0, worker_grace=20.0)
    [web, worker] = problems_with(times)
    assert "DRAIN_SECONDS" in web
    assert "WORKER_STOP_SECONDS" in worker


def test_our_files_say_what_the_arithmetic_reads_in_them() -> None:
    times = times_of(destination())
    assert (times.traefik_refresh, times.traefik_throttle, times.traefik_idle) == (1.0, 0.5, 30.0)


def test_all_replicas_count_twice_with_all_their_pools() -> None:
    pools = connections.pools_of(DatabaseSettings())
    assert pools["catalog"] == 8
    assert pools["worker-durable"] == 2 + 4 + 3 + 4 + 4
    assert connections.needed({"catalog": 2, "storefront": 5}, pools) == 32


def test_an_accessory_with_too_few_connections_is_a_problem_with_its_remedy() -> None:
    wanted = connections.connections_needed(destination())
    assert connections.problem_with(destination(POSTGRES_MAX_CONNECTIONS=str(wanted + 10))) is None
    problem = connections.problem_with(destination(POSTGRES_MAX_CONNECTIONS=str(wanted + 9)))
    assert problem is not None
    assert f"POSTGRES_MAX_CONNECTIONS={wanted + 10}" in problem


def test_postgresql_elsewhere_is_asked_by_the_migrations_instead() -> None:
    elsewhere = destination(ACCESSORIES="redis", POSTGRES_MAX_CONNECTIONS="1")
    assert connections.problem_with(elsewhere) is None
