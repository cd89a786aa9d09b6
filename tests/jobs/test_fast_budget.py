"""The dashboard's Redis half waits for Redis no longer than a request may, whatever is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from databases import Database

from ops.local.valkey import TemporaryValkey
from services.database import open_database, role_url
from services.jobs.backend import BackendAway, JobFilter
from services.jobs.fast_backend import FastBackend
from services.redis_client import connect
from services.request_context import RequestContext, current_request
from services.settings import DatabaseSettings, RedisSettings
from tests.faults.fault_kinds import BLACK_HOLE, DRIP, NARROW, REFUSE, RESET, SLOW, Fault, latency
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.store import wait_until_async

LATE_SECONDS = 0.1  # a busy machine wakes a sleeper a little late


@pytest.fixture
def proxy(valkey: TemporaryValkey) -> Iterator[FaultProxy]:
    with fault_proxy(str(valkey.store.socket)) as made:
        yield made


@pytest.fixture
async def backend(proxy: FaultProxy, database_url: str) -> AsyncIterator[FastBackend]:
    data = DatabaseSettings(database_url=database_url)
    database: Database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test")
    settings = RedisSettings(redis_url=f"redis://{proxy.host}:{proxy.port}/1")
    client = connect(settings.redis_url, settings)
    await database.connect()
    await client.flushdb()  # the server is shared with the tests before
    yield FastBackend(client, database, budget_seconds=settings.redis_request_budget_seconds)
    await client.aclose()
    await database.disconnect()


@contextlib.contextmanager
def _request() -> Iterator[RequestContext]:
    context = RequestContext("test")
    token = current_request.set(context)
    try:
        yield context
    finally:
        current_request.reset(token)


@pytest.mark.parametrize("fault", [REFUSE, BLACK_HOLE, SLOW, DRIP, NARROW, RESET, latency(0.09)], ids=str)
async def test_one_request_asks_no_longer_than_its_budget_and_is_told_that_redis_is_away(
    backend: FastBackend, proxy: FaultProxy, fault: Fault
) -> None:
    budget = RedisSettings().redis_request_budget_seconds
    with proxy.broken(fault), _request() as request:
        since: list[object] = []
        for _ in range(10):
            for question in (backend.counts, backend.queues):
                try:
                    await question()
                except BackendAway as error:
                    since.append(error.facts["since"])
        assert len(since) >= 18, "at most the first answers came in time"
        assert len(set(since)) == 1
        await backend.pause("default")
        await backend.resume("default")
        assert request.redis_seconds_spent < budget + LATE_SECONDS

    async def answers() -> bool:
        with _request(), contextlib.suppress(BackendAway):
            return len(await backend.counts()) > 0
        return False

    await wait_until_async(answers, "it is asked and answers again")


async def test_a_walk_through_many_jobs_is_no_fault(backend: FastBackend, proxy: FaultProxy) -> None:
    """Its answers come in time, one by one; all of them together may take longer than a budget."""
    with proxy.broken(latency(0.01)), _request() as request:
        for _ in range(15):
            assert (await backend.jobs(JobFilter(state="ready"))).items == []
        assert request.redis_seconds_spent == 0
        assert sum((await backend.counts()).values()) == 0
