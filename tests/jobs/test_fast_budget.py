"""The dashboard's Redis half waits for Redis no longer than a request may, whatever is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from databases import Database
from redis.asyncio import Redis

from ops.local.valkey import TemporaryValkey
from services.database import open_database, role_url
from services.jobs.backend import BackendAway, JobFilter
from services.jobs.fast_backend import FastBackend
from services.redis_client import connect
from services.request_context import RequestContext, current_request
from services.settings import DatabaseSettings
from tests.conftest import patient_redis
from tests.faults.fault_kinds import BLACK_HOLE, DRIP, REFUSE, RESET, SLOW, Fault, latency
from tests.faults.fault_proxy import FaultProxy, fault_proxy
from tests.store import wait_until_async

BUDGET_SECONDS = 1.0
# By so much a busy machine may wake a sleeper late. Without a budget any question would take longer still, or
# all would be answered.
LATE_SECONDS = 10.0
NARROWER = Fault("narrow (0.1 kB/s)", pause_seconds=0.5, piece_bytes=50, replies_only=False)


@pytest.fixture
def proxy(valkey: TemporaryValkey) -> Iterator[FaultProxy]:
    with fault_proxy(str(valkey.store.socket)) as made:
        yield made


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test")
    await database.connect()
    yield database
    await database.disconnect()


@pytest.fixture
async def redis(proxy: FaultProxy, valkey: TemporaryValkey) -> AsyncIterator[Redis]:
    """Gives up far later than the budget: what ends in time is ended by the budget."""
    straight = connect(valkey.queue_url, patient_redis(valkey.queue_url))
    await straight.flushdb()  # the server is shared with the tests before
    await straight.aclose()
    url = f"redis://{proxy.host}:{proxy.port}/1"
    client = connect(url, patient_redis(url))
    await client.ping()  # a connection is there when the fault comes
    yield client
    await client.aclose()


@pytest.fixture
def backend(redis: Redis, database: Database) -> FastBackend:
    return FastBackend(redis, database, budget_seconds=BUDGET_SECONDS)


@contextlib.contextmanager
def _request() -> Iterator[RequestContext]:
    context = RequestContext("test")
    token = current_request.set(context)
    try:
        yield context
    finally:
        current_request.reset(token)


@pytest.mark.parametrize("fault", [REFUSE, BLACK_HOLE, SLOW, DRIP, NARROWER, RESET, latency(0.4)], ids=str)
async def test_one_request_asks_no_longer_than_its_budget_and_is_told_that_redis_is_away(
    backend: FastBackend, proxy: FaultProxy, fault: Fault
) -> None:
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
        assert request.redis_seconds_spent < BUDGET_SECONDS + LATE_SECONDS

    async def answers() -> bool:
        with _request(), contextlib.suppress(BackendAway):
            return len(await backend.counts()) > 0
        return False

    await wait_until_async(answers, "it is asked and answers again")


async def test_a_walk_through_many_jobs_is_no_fault(
    redis: Redis, database: Database, proxy: FaultProxy
) -> None:
    """Its answers come in time, one by one; all of them together may take longer than a budget."""
    hasty, patient = (FastBackend(redis, database, budget_seconds=seconds) for seconds in (0.001, 20))
    with proxy.broken(latency(0.01)), _request() as request:
        for _ in range(15):
            assert (await hasty.jobs(JobFilter(state="ready"))).items == []
        assert request.redis_seconds_spent == 0
        assert sum((await patient.counts()).values()) == 0
