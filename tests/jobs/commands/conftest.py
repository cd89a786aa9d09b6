"""The command line in this process: `await shell("queues")` gives what it printed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest

from ops.local.valkey import TemporaryValkey
from services.jobs.__main__ import run
from services.jobs.resources import Jobs
from tests.conftest import PATIENT_WITH_REDIS
from tests.jobs.backlog import open_backends

Shell: TypeAlias = Callable[..., Awaitable[str]]


@pytest.fixture
async def jobs(
    database_url: str, valkey: TemporaryValkey, environment: Callable[..., None]
) -> AsyncIterator[Jobs]:
    environment(DATABASE_URL=database_url, **PATIENT_WITH_REDIS)
    async with open_backends() as jobs:
        await jobs.redis.flushdb()
        yield jobs


@pytest.fixture
def shell(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> Shell:
    async def call(*arguments: str) -> str:
        capsys.readouterr()
        await run(list(arguments))
        return capsys.readouterr().out

    return call
