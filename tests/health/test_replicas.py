"""A service is judged by all its replicas, each asked at its own ops port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services import metrics
from services.health.monitor import Finding
from services.health.replicas import replicas
from services.http_client import http_client
from services.lifecycle import Lifecycle
from tests.health.doors import listening, ops_port

pytestmark = pytest.mark.anyio
SECONDS = 20.0
NOBODY = "http://127.0.0.1:1/readyz"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(timeout=SECONDS) as client:
        yield client


async def _look(http: httpx.AsyncClient, *urls: str, mixed_seconds_max: float = 600.0) -> Finding:
    return await replicas(http, ", ".join(urls), SECONDS, mixed_seconds_max)()


async def test_every_replica_tells_its_release_and_since_when_it_runs(http: httpx.AsyncClient) -> None:
    before = datetime.now(UTC)
    async with ops_port("r1") as one, ops_port("r1") as two:
        finding = await _look(http, one, two)
    assert (finding.status, finding.error, finding.detail["reasons"]) == ("ok", None, [])
    told = finding.detail["replicas"]
    assert [replica["address"] for replica in told] == [url.split("/")[2] for url in (one, two)]
    assert {(replica["release"], replica["state"]) for replica in told} == {("r1", "ready")}
    started = datetime.fromisoformat(told[0]["started_at"])
    assert before - timedelta(days=1) < started <= before


async def test_a_name_stands_for_its_addresses(http: httpx.AsyncClient) -> None:
    async with ops_port("r1") as url:
        finding = await _look(http, url.replace("127.0.0.1", "localhost"))
    assert finding.status == "ok"
    assert [replica["address"] for replica in finding.detail["replicas"]] == [url.split("/")[2]]


async def test_a_replica_that_does_not_answer_degrades_and_is_named(http: httpx.AsyncClient) -> None:
    async with ops_port("r1") as url:
        finding = await _look(http, url, NOBODY)
    assert (finding.status, finding.error) == ("degraded", "ConnectError")
    assert finding.detail["reasons"][0].startswith("127.0.0.1:1 does not answer: ConnectError")


async def test_a_service_without_a_replica_that_takes_requests_is_down(http: httpx.AsyncClient) -> None:
    starting = Lifecycle(waiting_for="migrations 0004")
    async with ops_port("r1", starting) as url:
        finding = await _look(http, url, NOBODY)
    assert finding.status == "down"
    assert finding.detail["reasons"][0] == "no replica takes requests"
    assert finding.detail["reasons"][1].endswith("is waiting for migrations 0004")


async def test_a_draining_replica_is_no_trouble_while_another_serves(http: httpx.AsyncClient) -> None:
    leaving = Lifecycle(started=True, schema_compatible=True, draining=True, withdrawn=True)
    async with ops_port("r2") as url, ops_port("r1", leaving) as old:
        both = await _look(http, url, old, mixed_seconds_max=0)
        alone = await _look(http, old)
    assert (both.status, both.detail["reasons"]) == ("ok", [])
    assert [replica["state"] for replica in both.detail["replicas"]] == ["ready", "draining"]
    assert alone.status == "down"


async def test_releases_may_be_mixed_for_as_long_as_a_deploy_takes(http: httpx.AsyncClient) -> None:
    async with ops_port("r2") as new, ops_port("r1") as old:
        soon = await _look(http, new, old, mixed_seconds_max=1e9)
        later = await _look(http, new, old, mixed_seconds_max=0)
    assert (soon.status, soon.detail["reasons"]) == ("ok", [])
    assert {replica["release"] for replica in soon.detail["replicas"]} == {"r1", "r2"}
    assert (later.status, later.detail["reasons"]) == ("degraded", ["releases are mixed: 1 of r1, 1 of r2"])


async def test_a_release_that_has_no_status_yet_is_asked_whether_it_is_ready(http: httpx.AsyncClient) -> None:
    async def readyz(_request: object) -> PlainTextResponse:
        return PlainTextResponse("ready\n")

    async with listening(Starlette(routes=[Route("/readyz", readyz)])) as url:
        finding = await _look(http, f"{url}/readyz")
    assert finding.status == "ok"
    assert finding.detail["replicas"][0]["release"] == "unknown"


async def test_open_breakers_and_used_up_pools_are_noted_and_no_trouble_by_themselves(
    http: httpx.AsyncClient,
) -> None:
    breaker = metrics.redis_breaker_open.labels("test-cache")
    busy = metrics.db_pool_connections.labels("test-pool", "busy")
    breaker.set(1)
    busy.set(4)
    metrics.db_pool_connections_max.labels("test-pool").set(4)
    try:
        async with ops_port("r1") as url:
            finding = await _look(http, url)
    finally:
        metrics.redis_breaker_open.remove("test-cache")
        metrics.db_pool_connections.remove("test-pool", "busy")
        metrics.db_pool_connections_max.remove("test-pool")
    assert finding.status == "ok"
    told = finding.detail["replicas"][0]
    assert told["breakers"]["redis: test-cache"] is True
    assert told["pools"]["test-pool"] == {"busy": 4, "max": 4}
    address = url.split("/")[2]
    assert f"{address}: the breaker is open for redis: test-cache" in finding.detail["notes"]
    assert f"{address}: all 4 connections of pool test-pool are in use" in finding.detail["notes"]
