"""Every test of this folder runs once for each backend: `backend` is what is asked, `stand` runs workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from ops.local.valkey import TemporaryValkey
from services.jobs.backend import JobBackend
from tests.jobs.contract.durable_stand import durable_stand
from tests.jobs.contract.fast_stand import fast_stand
from tests.jobs.contract.stands import Servers, Stand

STANDS: dict[str, Callable[[Servers, Path], AbstractAsyncContextManager[Stand]]] = {
    "durable": durable_stand,
    "fast": fast_stand,
}


@pytest.fixture(params=list(STANDS))
async def stand(
    request: pytest.FixtureRequest, database_url: str, valkey: TemporaryValkey, tmp_path: Path
) -> AsyncIterator[Stand]:
    async with STANDS[request.param](Servers(database_url, valkey.queue_url), tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> JobBackend:
    return stand.backend
