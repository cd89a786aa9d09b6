"""What the aggregator finds on real servers."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest

from services.health.app import service
from tests.conftest import ADMIN_KEY, in_process
from tests.health.doors import nobody_in_haste
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


@pytest.fixture
async def health(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url, HEALTH_INTERVAL_SECONDS=0.05, **nobody_in_haste())
    async with in_process(service) as client:
        yield client


async def _checks(client: httpx.AsyncClient, **headers: str) -> dict[str, dict[str, object]]:
    answer = await client.get("/health", headers=headers)
    assert answer.status_code == 200
    checks: dict[str, dict[str, object]] = answer.json()["checks"]
    return checks


async def _known(client: httpx.AsyncClient) -> bool:
    return all(check["status"] != "unknown" for check in (await _checks(client)).values())


async def test_servers_that_answer_are_ok_and_services_that_do_not_are_down(
    health: httpx.AsyncClient,
) -> None:
    await wait_until_async(lambda: _known(health), "every dependency was looked at")
    found = {name: check["status"] for name, check in (await _checks(health)).items()}
    assert found["database"] == found["redis"] == "ok"
    assert found["catalog"] == found["storefront"] == "down"
    assert (await health.get("/health")).json()["status"] == "down"


async def test_a_queue_that_nobody_works_or_watches_is_degraded_and_its_figures_are_unknown(
    health: httpx.AsyncClient,
) -> None:
    await wait_until_async(lambda: _known(health), "every dependency was looked at")
    fast = (await _checks(health, **{"X-Entry": "internal"}))["queue.fast"]
    assert fast["status"] == "degraded"
    assert fast["detail"] == {
        "depth": None,
        "oldest_seconds": None,
        "workers": 0,
        "workers_expected": 1,
        "paused": [],
        "reasons": ["no workers", "queue default: its figures are unknown"],
    }


async def test_details_are_for_the_key_and_the_inner_door(
    health: httpx.AsyncClient, database_url: str
) -> None:
    await wait_until_async(lambda: _known(health), "every dependency was looked at")
    owner = await asyncpg.connect(database_url)
    version = await owner.fetchval("SELECT current_setting('server_version')")
    await owner.close()
    assert "detail" not in (await _checks(health))["database"]
    assert "detail" not in (await _checks(health, Authorization="Bearer guess"))["database"]
    for headers in ({"Authorization": f"Bearer {ADMIN_KEY}"}, {"X-Entry": "internal"}):
        detail = (await _checks(health, **headers))["database"]["detail"]
        assert isinstance(detail, dict)
        assert (detail["version"], detail["in_recovery"], detail["reasons"]) == (version, False, [])


async def test_up_answers_at_once(health: httpx.AsyncClient) -> None:
    assert (await health.get("/up")).text == "up\n"
