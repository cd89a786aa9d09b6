"""All queues of both backends, paused and resumed."""

from __future__ import annotations

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.decode import Nothing
from services.jobs import steering
from services.jobs.dashboard.job_list import see_other
from services.jobs.dashboard.notices import after, notice_of
from services.jobs.dashboard.rendering import html_page
from services.jobs.dashboard.troubles import STORES
from services.jobs.policies import policies
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation
from services.queue import Policy

_FATES: dict[Policy, str] = {
    "spill": "is stored in PostgreSQL and run from there",
    "inline": "is run at once by whoever asks for it",
    "drop": "is dropped and counted",
}
_QUEUES, _QUEUE = "/jobs/queues", "/jobs/queues/{backend}/{name}"


class Said(msgspec.Struct, frozen=True):
    did: str = ""


async def show_queues(call: Call[Jobs, Said, Nothing], _who: Who) -> HTMLResponse:
    standing = await call.resources.pulse.standing(call.resources)
    halves = standing.halves.values()
    return html_page(
        call.request,
        "queues.html",
        notice=notice_of(call.query.did),
        queues=[queue for half in halves for queue in half.queues],
        away={half.name: half.away_since for half in halves if half.away_since},
        stores=STORES,
        policies=policies(),
        fates=_FATES,
    )


async def pause(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.pause_queue(call.resources, who, call.path("backend"), call.path("name"))
    call.resources.pulse.forget()
    return see_other(after(_QUEUES, "pause"))


async def resume(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.resume_queue(call.resources, who, call.path("backend"), call.path("name"))
    call.resources.pulse.forget()
    return see_other(after(_QUEUES, "resume"))


OPERATIONS: list[Operation] = [
    page(_QUEUES, show_queues, "All queues", query=Said),
    form(f"{_QUEUE}/pause", pause, "Begins nothing more of a queue", "operator"),
    form(f"{_QUEUE}/resume", resume, "Goes on with a queue", "operator"),
]
