"""The time of the clock, moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from databases import Database

from services.database import open_database, role_url
from services.settings import DatabaseSettings
from tests.jobs.conftest import Owner

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


async def set_time(owner: Owner, moment: datetime) -> None:
    """From now on the clock reads this, in every process."""
    await owner.execute(
        "CREATE OR REPLACE FUNCTION jobs.clock_now() RETURNS timestamptz LANGUAGE sql STABLE"
        f" AS 'SELECT ''{moment.isoformat()}''::timestamptz'"
    )


@pytest.fixture
async def jobs_database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url, database_statement_timeout_seconds=20)
    database = open_database(role_url(data, "jobs"), data, pool_max=4, name="test")
    await database.connect()
    yield database
    await database.disconnect()
