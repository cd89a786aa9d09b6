"""The payment gateway and mail in `/health`: how checkout's last real calls went."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from services.health.app import service
from tests.conftest import in_process
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


@pytest.fixture
async def health(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    nowhere = {
        f"{name}_READY_URL": "http://127.0.0.1:1/readyz"
        for name in ("CATALOG", "CHECKOUT", "JOBS", "STOREFRONT")
    }
    environment(DATABASE_URL=database_url, HEALTH_INTERVAL_SECONDS=0.02, **nowhere)
    async with in_process(service) as client:
        yield client


async def _check(health: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await health.get("/health", headers={"X-Entry": "internal"})
    check: dict[str, Any] = answer.json()["checks"][name]
    return check


async def _becomes(health: httpx.AsyncClient, name: str, status: str) -> dict[str, Any]:
    async def is_so() -> bool:
        return bool((await _check(health, name))["status"] == status)

    await wait_until_async(is_so, f"{name} is {status}")
    return await _check(health, name)


async def test_what_was_never_called_is_ok(health: httpx.AsyncClient) -> None:
    for name in ("payment_gateway", "mail"):
        check = await _becomes(health, name, "ok")
        assert check["critical"] is False
        assert check["detail"] == {
            "last_success_at": None,
            "last_failure_at": None,
            "failures": 0,
            "error": None,
            "latency_ms": None,
        }


async def test_two_failed_calls_degrade_and_a_success_ends_it(
    health: httpx.AsyncClient, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await _becomes(health, "mail", "ok")
    await owner.execute(
        "UPDATE checkout.outside_calls SET failures = 2, failed_at = now(), error = 'MailUnavailable',"
        " latency_ms = 12.5 WHERE name = 'mail'"
    )
    detail = (await _becomes(health, "mail", "degraded"))["detail"]
    assert (detail["failures"], detail["error"], detail["latency_ms"]) == (2, "MailUnavailable", 12.5)
    assert detail["last_failure_at"].endswith("Z")
    assert (await _check(health, "payment_gateway"))["status"] == "ok"
    await owner.execute("UPDATE checkout.outside_calls SET failures = 0, succeeded_at = now()")
    await _becomes(health, "mail", "ok")


async def test_one_failed_call_is_no_trouble_yet(
    health: httpx.AsyncClient, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await owner.execute("UPDATE checkout.outside_calls SET failures = 1, failed_at = now()")

    async def seen() -> bool:
        detail = (await _check(health, "payment_gateway")).get("detail") or {}
        return detail.get("failures") == 1

    await wait_until_async(seen, "the failure is seen")
    assert (await _check(health, "payment_gateway"))["status"] == "ok"


async def test_before_the_table_exists_it_is_degraded_and_says_why(
    health: httpx.AsyncClient, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await _becomes(health, "mail", "ok")
    await owner.execute("DROP TABLE checkout.outside_calls CASCADE")
    check = await _becomes(health, "mail", "degraded")
    assert check["detail"] == {"error": "unknown: UndefinedTableError"}


async def test_with_the_database_away_it_is_degraded_and_the_database_down(
    environment: Callable[..., None],
) -> None:
    nowhere = {
        f"{name}_READY_URL": "http://127.0.0.1:1/readyz"
        for name in ("CATALOG", "CHECKOUT", "JOBS", "STOREFRONT")
    }
    environment(DATABASE_URL="postgresql://kiosk@127.0.0.1:1/kiosk", HEALTH_INTERVAL_SECONDS=0.02, **nowhere)
    async with in_process(service) as health:
        check = await _becomes(health, "mail", "degraded")
        assert check["detail"] == {"error": "unknown: DatabaseUnavailable"}
        await _becomes(health, "database", "down")
