"""Bulk actions as callers see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.errors import Conflict
from services.jobs.backend import BackendName, JobCard, JobFilter, Verb

BulkState = Literal["waiting", "running", "done", "cancelled", "failed"]
RATE_MAX = 100_000
Rate = Annotated[int, Meta(ge=1, le=RATE_MAX)]


class BulkAtWork(Conflict):
    """The fact `bulk` names it."""

    slug, title = "bulk-at-work", "The same bulk action is at work already"


class BulkEnded(Conflict):
    slug, title = "bulk-ended", "The bulk action has ended"


class BulkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done to which jobs. The filter needs a `state`, one that allows the verb. Only jobs that
    came into that state before `before` count (default, and at most: now). `rate` is jobs per second at most;
    without one it goes as fast as it can."""

    backend: BackendName
    verb: Verb
    wanted: JobFilter
    before: datetime | None = None
    rate: int | None = None


class BulkPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What an order would meet: how many jobs (counted up to COUNT_MAX; `counted_all` tells whether that was
    all of them), and the first few. `before` is the moment it was frozen at; start the order with it."""

    count: int
    counted_all: bool
    before: datetime
    sample: list[JobCard]


class BulkAction(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk action and how far it is. `expected`: what was counted at its start, up to COUNT_MAX; `seen`:
    jobs looked at; `changed`: jobs the verb was done to. `error`: what keeps it waiting, or made it fail."""

    id: str
    backend: BackendName
    verb: Verb
    wanted: JobFilter
    before: datetime
    rate: int | None
    state: BulkState
    expected: int
    seen: int
    changed: int
    error: str | None
    by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class BulkPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: list[BulkAction]
    next_cursor: str | None = None
