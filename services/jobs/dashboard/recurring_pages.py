"""What runs by the clock: when next, how it went last; run now, pause, resume."""

from __future__ import annotations

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.decode import Nothing
from services.jobs import steering
from services.jobs.dashboard.job_list import see_other
from services.jobs.dashboard.notices import after, notice_of
from services.jobs.dashboard.rendering import html_page
from services.jobs.recurring.due import MISSED_AFTER
from services.jobs.recurring.steering import recurring_tasks
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation

_TASKS, _TASK = "/jobs/recurring", "/jobs/recurring/{name}"
_MISSED = {
    "skip": "A run that was missed is left out.",
    "once": "However many were missed, one is made up for.",
    "each": "Every run that was missed is made up for.",
}


class Said(msgspec.Struct, frozen=True):
    did: str = ""


async def show_recurring(call: Call[Jobs, Said, Nothing], _who: Who) -> HTMLResponse:
    return html_page(
        call.request,
        "recurring.html",
        notice=notice_of(call.query.did),
        tasks=await recurring_tasks(call.resources.database),
        missed=_MISSED,
        missed_after=MISSED_AFTER,
    )


async def run_now(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.run_recurring_now(call.resources, who, call.path("name"))
    return see_other(after(_TASKS, "run"))


async def pause(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.pause_recurring(call.resources, who, call.path("name"))
    return see_other(after(_TASKS, "pause-task"))


async def resume(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.resume_recurring(call.resources, who, call.path("name"))
    return see_other(after(_TASKS, "resume-task"))


OPERATIONS: list[Operation] = [
    page(_TASKS, show_recurring, "What runs by the clock", query=Said),
    form(f"{_TASK}/run", run_now, "Starts a run besides those of the clock", "operator"),
    form(f"{_TASK}/pause", pause, "Leaves out a task's runs", "operator"),
    form(f"{_TASK}/resume", resume, "Goes on with a task", "operator"),
]
