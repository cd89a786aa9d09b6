"""The first account: STAFF_ADMIN_PASSWORD opens the dashboard, once."""

from __future__ import annotations

import asyncio
import logging

from databases import Database

from services.errors import DatabaseUnavailable
from services.jobs.staff import accounts
from services.settings import StaffSettings

logger = logging.getLogger("kiosk.jobs.staff")

NAME = "admin"
_AGAIN_SECONDS = 1.0


async def make_first_admin(database: Database, settings: StaffSettings) -> None:
    """Makes the account `admin` if there is none of any name and a password for it is set. Any number of
    replicas may do so at once. Tries again while the database is away."""
    if settings.staff_admin_password is None:
        return
    while True:
        try:
            if await accounts.create_first(database, NAME, settings.staff_admin_password):
                logger.info("made the first account", extra={"facts": {"name": NAME}})
            return
        except DatabaseUnavailable:
            await asyncio.sleep(_AGAIN_SECONDS)
