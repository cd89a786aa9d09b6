"""The jobs service in this process, its staff, and a bad day's jobs."""

from __future__ import annotations

import pytest

from tests.jobs.conftest import Owner
from tests.jobs.dashboard.rows import add_bad_day
from tests.jobs.staff.conftest import Browser, Door, closed_door, door, staffed_environment

__all__ = ["closed_door", "door", "staffed_environment"]


@pytest.fixture
async def bad_day(owner: Owner) -> None:
    await add_bad_day(owner)


@pytest.fixture
async def viewer(door: Door) -> Browser:
    return await door.browser_of("viewer")


@pytest.fixture
async def operator(door: Door) -> Browser:
    return await door.browser_of("operator")
