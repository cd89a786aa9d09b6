"""The workers there are, and were within the last hour."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse

from services.jobs.dashboard.rendering import html_page
from services.jobs.resources import Jobs
from services.jobs.staff.access import page
from services.jobs.staff.who import Who
from services.jobs.worker_list import workers
from services.operations import Call, Operation


async def show_workers(call: Call[Jobs, Any, Any], _who: Who) -> HTMLResponse:
    seen = await workers(call.resources.database)
    alive = sum(1 for worker in seen if worker.state == "alive")
    return html_page(call.request, "workers.html", workers=seen, alive=alive)


OPERATIONS: list[Operation] = [page("/jobs/workers", show_workers, "All workers")]
