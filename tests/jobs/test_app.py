"""Nobody gets in yet."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from services.jobs.app import service
from tests.conftest import in_process


@pytest.fixture
async def jobs(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url)
    async with in_process(service) as client:
        yield client


@pytest.mark.parametrize("path", ["/jobs", "/jobs/queues/default", "/jobs?state=dead"])
async def test_the_dashboard_says_that_it_is_closed(jobs: httpx.AsyncClient, path: str) -> None:
    answer = await jobs.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")
    assert "stays closed" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_api_is_closed_for_every_verb(jobs: httpx.AsyncClient, method: str) -> None:
    answer = await jobs.request(method, "/api/jobs/queues/default", json={"paused": True})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "/problems/unauthorized"
