"""The time of the clock, moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.jobs.conftest import Owner

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


async def set_time(owner: Owner, moment: datetime) -> None:
    """From now on the clock reads this, in every process."""
    await owner.execute(
        "CREATE OR REPLACE FUNCTION jobs.clock_now() RETURNS timestamptz LANGUAGE sql STABLE"
        f" AS 'SELECT ''{moment.isoformat()}''::timestamptz'"
    )
