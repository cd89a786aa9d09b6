"""What the staff's side forgets. Logins and guesses sweep in passing; this is for when nobody comes any
more, such as after an attack."""

from __future__ import annotations

from databases import Database

from services.database import connection
from services.jobs.staff.sessions import IDLE_LIFE, LIFE
from services.queries import load_queries

_FORGET = load_queries(__file__, "forgetting.sql")["forget"]
_BATCH = 2000
_BATCHES_MAX = 500


async def forget(database: Database, batch: int = _BATCH) -> None:
    """Deletes ended sessions, old counters of guesses, addresses and request keys, batch by batch, for a
    bounded number of batches. Raises DatabaseUnavailable."""
    for _ in range(_BATCHES_MAX):
        async with connection(database) as raw:
            if await raw.fetchval(_FORGET, batch, LIFE, IDLE_LIFE) < batch:
                return
