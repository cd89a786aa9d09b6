"""Both backends, each empty."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from ops.local.valkey import TemporaryValkey
from services.jobs.resources import Jobs
from tests.conftest import PATIENT_WITH_REDIS
from tests.jobs.backlog import open_backends


@pytest.fixture
async def jobs(
    database_url: str, valkey: TemporaryValkey, environment: Callable[..., None]
) -> AsyncIterator[Jobs]:
    environment(DATABASE_URL=database_url, **PATIENT_WITH_REDIS)
    async with open_backends() as jobs:
        await jobs.redis.flushdb()
        yield jobs
