"""What the API of jobs takes and gives, as types: the decoder and the OpenAPI document read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from services.decode import Input
from services.jobs.backend import BackendName, Feature, JobFilter, QueueState, State, Verb
from services.jobs.bulk.shapes import BulkOrder, Rate
from services.jobs.halves import Away
from services.jobs.staff.audit import AuditFilter
from services.jobs.statistics.overview import Window
from services.jobs.worker_list import WorkerSeen

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]
Cursor = Annotated[str, Meta(max_length=500)]
Limit = Annotated[int, Meta(ge=1, le=100)]


class Half(msgspec.Struct, frozen=True):
    """One backend: what it can do, and how many jobs are in each state it has, counted up to 100,000."""

    backend: BackendName
    features: list[Feature]
    counts: dict[State, int]


class Overview(msgspec.Struct, frozen=True):
    """Both backends, as far as they can be reached."""

    backends: list[Half]
    queues: list[QueueState]
    away: list[Away]


class Queues(msgspec.Struct, frozen=True):
    items: list[QueueState]
    away: list[Away]


class Workers(msgspec.Struct, frozen=True):
    items: list[WorkerSeen]


class Steered(msgspec.Struct, frozen=True):
    """What was done to what, in the words of the audit log."""

    action: str
    target: str


class BackendQuery(Input, frozen=True):
    backend: BackendName | None = None


class StatisticsQuery(Input, frozen=True):
    window: Window = "24h"
    backend: BackendName | None = None
    actor: Text | None = None


class PageQuery(Input, frozen=True):
    cursor: Cursor | None = None
    limit: Limit = 50


class Filter(Input, frozen=True, kw_only=True, omit_defaults=True):
    """Which jobs. `text` is looked for in the arguments (by operators, for what
    is masked could be guessed by it), `error` in class and message of the last failure;
    `since` and `until` bound when they came into their state; `group` is a failure group."""

    state: State | None = None
    queue: Text | None = None
    actor: Text | None = None
    text: Text | None = None
    error: Text | None = None
    since: Moment | None = None
    until: Moment | None = None
    group: Text | None = None

    def jobs(self) -> JobFilter:
        names = JobFilter.__struct_fields__
        return JobFilter(**{name: getattr(self, name) for name in names})


class JobsQuery(Filter, frozen=True, kw_only=True):
    backend: BackendName = "durable"
    cursor: Cursor | None = None
    limit: Limit = 50


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Which entries. `action` may be a noun alone: `job` finds job.retry and job.reveal."""

    who: Text | None = None
    action: Text | None = None
    target: Text | None = None
    since: Moment | None = None
    until: Moment | None = None

    def entries(self) -> AuditFilter:
        names = AuditFilter.__struct_fields__
        return AuditFilter(**{name: getattr(self, name) for name in names})


class OrderBulk(Input, frozen=True, kw_only=True):
    """`wanted` needs a `state` that allows the verb. `before`: only jobs that came into that state earlier;
    take it from the preview. `rate`: jobs per second at most."""

    backend: BackendName
    verb: Verb
    wanted: Filter
    before: Moment | None = None
    rate: Rate | None = None

    def order(self) -> BulkOrder:
        return BulkOrder(
            backend=self.backend,
            verb=self.verb,
            wanted=self.wanted.jobs(),
            before=self.before,
            rate=self.rate,
        )
