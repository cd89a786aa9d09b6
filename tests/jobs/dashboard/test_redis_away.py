"""Without Redis its half says so, and the other half works."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import pytest

from services.jobs.staff import accounts
from services.jobs.staff.who import ROLES
from tests.jobs.staff.conftest import PUBLIC_URL, SHELL, Browser, opened, password_of
from tests.store import deaf_port


@pytest.fixture
async def lonely(database_url: str, environment: Callable[..., None]) -> AsyncIterator[Browser]:
    """An operator at a service whose Redis nobody answers for."""
    with deaf_port() as port:
        environment(
            DATABASE_URL=database_url,
            PUBLIC_URL=PUBLIC_URL,
            REDIS_QUEUE_URL=f"redis://127.0.0.1:{port}/1",
        )
        async with opened(database_url) as door:
            for role in ROLES:
                await accounts.create(door.database, SHELL, role, role, password_of(role))
            yield await door.browser_of("operator")


async def test_the_overview_shows_the_durable_half_and_since_when_the_other_is_away(
    bad_day: None, lonely: Browser
) -> None:
    page = await lonely.get("/jobs")
    assert page.status_code == 200
    assert re.search(r"Redis is unreachable since \d\d:\d\d:\d\d UTC\.", page.text)
    assert re.search(r"Redis is unreachable since <time datetime=", page.text)
    assert re.search(r'data-live-text="count\.durable\.dead">12<', page.text)
    assert "count.fast.dead" not in page.text


async def test_the_moment_since_when_does_not_move(lonely: Browser) -> None:
    first, second = [
        re.search(r'Redis is unreachable since <time datetime="([^"]+)"', (await lonely.get("/jobs")).text)
        for _ in range(2)
    ]
    assert first
    assert second
    assert first[1] == second[1]


@pytest.mark.parametrize(
    "path",
    ["/jobs/list?backend=fast", "/jobs/queues", "/jobs/workers", "/jobs/failures", "/jobs/list?state=dead"],
)
async def test_every_other_page_is_there(bad_day: None, lonely: Browser, path: str) -> None:
    page = await lonely.get(path)
    assert page.status_code == 200
    if "fast" in path or "queues" in path:
        assert "Redis is unreachable since" in page.text


async def test_a_fast_job_is_said_to_be_out_of_reach(lonely: Browser) -> None:
    page = await lonely.get("/jobs/fast/3f0c9a52-7c0d-4f0e-9d0a-2b1f6f3a9c11")
    assert page.status_code == 503
    assert page.headers["retry-after"]
    assert "This half of the jobs can&#39;t be reached right now" in page.text
