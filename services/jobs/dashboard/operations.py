"""The route table of the dashboard."""

from __future__ import annotations

from services.jobs.dashboard import (
    assets_route,
    bulk_pages,
    failure_pages,
    job_list,
    job_page,
    live,
    overview,
    queue_pages,
    recurring_pages,
    worker_page,
)
from services.operations import Operation

OPERATIONS: list[Operation] = [
    *assets_route.OPERATIONS,
    *overview.OPERATIONS,
    *live.OPERATIONS,
    *job_list.OPERATIONS,
    *failure_pages.OPERATIONS,
    *queue_pages.OPERATIONS,
    *worker_page.OPERATIONS,
    *recurring_pages.OPERATIONS,
    *bulk_pages.OPERATIONS,
    *job_page.OPERATIONS,
]
