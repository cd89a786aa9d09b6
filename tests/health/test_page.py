"""/health for a person, and one check alone. What the public may see, and what only the operator."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from services.health.aggregate import Check, Health
from services.health.app import service
from services.health.page import CONTENT_SECURITY_POLICY, page_of
from tests.conftest import ADMIN_KEY, in_process
from tests.health.doors import nobody_in_haste
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
async def health(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url, HEALTH_INTERVAL_SECONDS=0.05, **nobody_in_haste())
    async with in_process(service) as client:

        async def known() -> bool:
            checks = (await client.get("/health")).json()["checks"].values()
            return all(check["status"] != "unknown" for check in checks)

        await wait_until_async(known, "every dependency was looked at")
        yield client


async def test_a_browser_gets_a_page_and_a_program_json(health: httpx.AsyncClient) -> None:
    page = await health.get("/health", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "The store can't do its work" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "Accept" in page.headers["vary"]
    for accept in ("*/*", "application/json", "text/html;q=0, */*", "text/html, application/json", ""):
        answer = await health.get("/health", headers={"Accept": accept})
        assert answer.json()["status"] == "down", accept


async def test_the_policy_lets_the_pages_own_stylesheet_in_and_nothing_else(
    health: httpx.AsyncClient,
) -> None:
    page = await health.get("/health", headers={**BROWSER, **KEY})
    policy = page.headers["content-security-policy"]
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|\sstyle=|\son\w+=|<link|src=", page.text.replace(style, ""))


async def test_the_page_hides_details_from_the_public_too(health: httpx.AsyncClient) -> None:
    public = (await health.get("/health", headers=BROWSER)).text
    inside = (await health.get("/health", headers={**BROWSER, **KEY})).text
    for secret in ("127.0.0.1:1", "ConnectError", "used_memory_bytes"):
        assert secret not in public
        assert secret in inside


async def test_the_public_json_tells_no_error_and_no_detail(health: httpx.AsyncClient) -> None:
    checks = (await health.get("/health")).json()["checks"]
    assert {name for check in checks.values() for name in check} <= {
        "status",
        "critical",
        "since",
        "latency_ms",
        "latency_p95_ms",
        "last_ok",
        "age_seconds",
    }
    inside = (await health.get("/health", headers=KEY)).json()["checks"]
    assert inside["catalog"]["error"] == "ConnectError"
    assert inside["database"]["last_ok"]
    assert inside["database"]["latency_p95_ms"] >= 0
    assert inside["migrations"]["detail"]["newest"].keys() == {"catalog", "checkout", "jobs"}
    assert inside["migrations"]["status"] == "ok"


async def test_one_check_can_be_asked_alone_and_speaks_for_itself(health: httpx.AsyncClient) -> None:
    answer = (await health.get("/health?check=database")).json()
    assert (list(answer["checks"]), answer["status"]) == (["database"], "ok")
    assert (await health.get("/health?check=catalog")).json()["status"] == "down"
    page = await health.get("/health?check=redis", headers=BROWSER)
    assert "redis</h2>" in page.text
    assert "database</h2>" not in page.text


async def test_an_unknown_check_is_refused_with_the_names_of_those_there_are(
    health: httpx.AsyncClient,
) -> None:
    answer = await health.get("/health?check=nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"database", "redis", "disk", "migrations"} <= set(answer.json()["known"])
    assert (await health.get("/health?check=" + "x" * 200)).status_code == 422


def test_whatever_an_error_says_is_text_on_the_page() -> None:
    evil = "<script>alert(1)</script>\"'&"
    now = datetime.now(UTC)
    detail = {
        "reasons": [evil],
        "error": evil,
        evil: {evil: [evil, {evil: None}]},
        "at": now,
    }
    check = Check("degraded", True, now, 1.0, 2.0, now, 0.1, evil, detail)
    page = page_of(Health("degraded", evil, now, 0.1, {evil: check}))
    assert evil not in page
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8
    assert "sha256-" in CONTENT_SECURITY_POLICY


async def test_who_guesses_at_the_key_is_told_no_details_for_a_while(
    database_url: str, environment: Callable[..., None]
) -> None:
    """/health is always answered, so its details would tell whether a guess is right."""
    environment(
        DATABASE_URL=database_url, HEALTH_INTERVAL_SECONDS=60, RATE_LIMIT_ENABLED="yes", **nobody_in_haste()
    )
    async with in_process(service) as client:

        async def has_details(address: str, **headers: str) -> bool:
            answer = await client.get("/health", headers={"X-Forwarded-For": address, **headers})
            assert answer.status_code == 200
            return any("detail" in check for check in answer.json()["checks"].values())

        for n in range(19):
            assert not await has_details("192.0.2.6", Authorization=f"Bearer {n}")
        assert await has_details("192.0.2.6", **KEY), "nineteen are no ban yet"
        assert not await has_details("192.0.2.6", Authorization="Bearer 19")
        assert not await has_details("192.0.2.6", **KEY)
        assert await has_details("192.0.2.7", **KEY)
        assert await has_details("192.0.2.6, 10.0.0.7", **{"X-Entry": "internal"})
