"""Works off a bulk action, batch after batch, for any backend.

A batch and its progress are one transaction: what lives in PostgreSQL changes exactly once, and a job in
Redis that was changed just before a crash is merely passed over the second time. A lock lets one batch of
an action be in hand at a time, and its place is read under that lock: should two workers have the same job
because one lost its lease, they share the work. A job works for a slice of time and enqueues its successor
with the batch that ends the slice, so that it outlives neither a time limit nor a worker's patience.
"""

from __future__ import annotations

import asyncio
import time
import uuid

import asyncpg

from services.database import Connection, connection, transaction
from services.errors import DatabaseUnavailable, ShopError, Unavailable
from services.jobs.bulk.bulk import action_of
from services.jobs.bulk.shapes import BulkAction, BulkAtWork
from services.jobs.resources import Jobs
from services.queries import load_queries
from services.queue import enqueue

_SQL = load_queries(__file__, "running.sql")
_BEGIN, _HOLD, _PLACE = _SQL["begin"], _SQL["hold"], _SQL["place"]
_PROGRESS, _STUMBLED = _SQL["progress"], _SQL["stumbled"]

ACTOR = "jobs.run_bulk"
BATCH_MAX, _BATCH_MIN = 1000, 10
SLICE_SECONDS = 20.0
FAILURES_MAX = 5


class BulkFailed(ShopError):
    """Not the store's absence, which is waited for. Retrying the job goes on where it was."""

    slug, title = "bulk-failed", "The bulk action failed again and again"


async def run(jobs: Jobs, bulk_id: uuid.UUID, slice_seconds: float = SLICE_SECONDS) -> None:
    """Works for a slice of time, or until the action is done or cancelled. Raises Unavailable, to be tried
    again; BulkFailed; and what a backend raises by mistake."""
    async with connection(jobs.database) as raw:
        try:
            row = await raw.fetchrow(_BEGIN, bulk_id)
        except asyncpg.UniqueViolationError:  # it had failed, and was ordered anew meanwhile
            raise BulkAtWork() from None
    if row is None:
        return
    try:
        await _work(jobs, action_of(row), time.monotonic() + slice_seconds)
    except Exception as error:
        await _note(jobs, bulk_id, error)
        raise


async def _work(jobs: Jobs, action: BulkAction, ends: float) -> None:
    goes_on = True
    while goes_on:
        began = time.monotonic()
        async with transaction(jobs.database) as raw:
            changed, goes_on = await _batch(raw, jobs, action)
            handing_over = goes_on and time.monotonic() >= ends
            if handing_over:
                await enqueue(raw, ACTOR, action.id, unique_key=f"bulk:{action.id}")
        if handing_over:
            return
        if action.rate is not None and goes_on:
            await asyncio.sleep(max(0.0, changed / action.rate - (time.monotonic() - began)))


async def _batch(raw: Connection, jobs: Jobs, action: BulkAction) -> tuple[int, bool]:
    """Does the next batch in the caller's transaction; how many jobs it changed, and whether to go on."""
    bulk_id = uuid.UUID(action.id)
    await raw.execute(_HOLD, action.id)
    place = await raw.fetchrow(_PLACE, bulk_id)
    if place is None or place["state"] != "running":
        return 0, False
    limit = max(_BATCH_MIN, BATCH_MAX >> min(place["failures"], 10))  # what took too long gets smaller
    if action.rate is not None:
        limit = min(limit, action.rate)
    backend = jobs.backend(action.backend)
    batch = await backend.apply(action.verb, action.wanted, action.before, place["cursor"], limit)
    ended = batch.cursor is None
    state = await raw.fetchval(_PROGRESS, bulk_id, batch.seen, batch.changed, batch.cursor, ended)
    return batch.changed, state == "running"


async def _note(jobs: Jobs, bulk_id: uuid.UUID, error: Exception) -> None:
    """Tells in the row what keeps it. Raises BulkFailed when trying again is no use."""
    final = isinstance(error, ShopError) and not isinstance(error, Unavailable)
    failures_max = None if isinstance(error, Unavailable) else 1 if final else FAILURES_MAX
    message = f"{type(error).__name__}: {error}".replace("\x00", "")[:500]
    try:
        async with connection(jobs.database) as raw:
            state = await raw.fetchval(_STUMBLED, bulk_id, message, failures_max)
    except DatabaseUnavailable:
        return
    if state == "failed":
        raise BulkFailed(message) from error
