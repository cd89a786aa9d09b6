"""The service as a whole: it starts without its servers, and its door answers without a session."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from services.jobs.app import service
from tests.conftest import in_process

NOWHERE = "redis://127.0.0.1:9/1"


@pytest.fixture
async def jobs(database_url: str, environment: Callable[..., None]) -> AsyncIterator[httpx.AsyncClient]:
    environment(DATABASE_URL=database_url)
    async with in_process(service) as client:
        yield client


async def test_what_the_process_asks_itself_needs_no_session(jobs: httpx.AsyncClient) -> None:
    for path in service.smoke_paths:
        assert (await jobs.get(path)).status_code in {200, 401}  # 401: closed until there is an account


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_api_is_closed_without_a_token(jobs: httpx.AsyncClient, method: str) -> None:
    answer = await jobs.request(method, "/api/jobs/bulk", json={})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/unauthorized"


async def test_it_starts_while_postgresql_and_redis_are_away(environment: Callable[..., None]) -> None:
    environment(
        DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing", REDIS_URL=NOWHERE, REDIS_QUEUE_URL=NOWHERE
    )
    async with in_process(service) as client:
        answer = await client.get("/api/jobs/queues", headers={"Authorization": "Bearer kiosk_" + "x" * 43})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
