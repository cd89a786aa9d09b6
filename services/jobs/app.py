"""The whole surface of jobs; behind it, the queues are watched.

Staff       /jobs/login, /jobs/logout, /jobs/account, .../staff, .../tokens, .../audit  staff/
Dashboard   /jobs, /jobs/list, .../failures, .../queues, .../workers, .../recurring, .../bulk,
            /jobs/live, /jobs/assets/{name}, /jobs/{backend}/{id}                       dashboard/
Doorkeeper  /internal/jobs/session, for Traefik                                         staff/
API         /api/jobs/overview, .../statistics, .../queues, .../workers, .../jobs,
            .../failures, .../bulk, .../recurring, .../audit                            api/
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from operator import attrgetter

from services.jobs.api.operations import OPERATIONS as API
from services.jobs.dashboard.operations import OPERATIONS as DASHBOARD
from services.jobs.dashboard.pulse import Pulse
from services.jobs.resources import Jobs, jobs_of
from services.jobs.samples import keep_sampling
from services.jobs.staff.dashboard_security import DashboardSecurity
from services.jobs.staff.first_admin import make_first_admin
from services.jobs.staff.pages import OPERATIONS as STAFF
from services.lifecycle import Lifecycle
from services.limits.limiter import keeper_of_lists
from services.service import Service, await_schema, background
from services.settings import (
    DatabaseSettings,
    ProcessSettings,
    QueueSettings,
    RedisSettings,
    StaffSettings,
)


@asynccontextmanager
async def open_jobs(settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Jobs]:
    """Starts while PostgreSQL or Redis are away."""
    data, staff, limiter = DatabaseSettings.read(), StaffSettings.read(), keeper_of_lists()
    made = jobs_of(data, RedisSettings.read(), settings, pool_max=data.database_pool_max, name="jobs")

    async def watch() -> None:
        await await_schema(made.database, "jobs", lifecycle)
        await keep_sampling(made.database, made.redis)

    async def let_in() -> None:
        await await_schema(made.database, "jobs", lifecycle)
        await make_first_admin(made.database, staff)

    made = replace(made, pulse=Pulse(lifecycle, QueueSettings.read()), limiter=limiter)
    async with made.open() as jobs, background(watch, let_in):
        yield jobs


service = Service(
    name="jobs",
    resources=open_jobs,
    limiter=attrgetter("limiter"),
    middleware=(DashboardSecurity,),
    smoke_paths=("/jobs/login",),
    operations=[*STAFF, *API, *DASHBOARD],
)
