"""One job: what it was given, what happened to it, and every try with its traceback."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.decode import Nothing
from services.jobs import steering
from services.jobs.backend import DISCARDABLE, RETRYABLE, JobDetail
from services.jobs.dashboard import timeline
from services.jobs.dashboard.job_list import LIST, see_other
from services.jobs.dashboard.live import digest_of
from services.jobs.dashboard.notices import after, notice_of
from services.jobs.dashboard.rendering import html_page
from services.jobs.dashboard.words import shortened
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation

_JOB = "/jobs/{backend}/{id}"
_ARGUMENTS_MAX = 50_000
_ATTEMPT_LOOKS = {"done": "done", "failed": "dead", "crashed": "crashed", "released": "scheduled"}


class Said(msgspec.Struct, frozen=True):
    did: str = ""


async def show_job(call: Call[Jobs, Said, Nothing], _who: Who) -> HTMLResponse:
    job = await call.resources.backend(call.path("backend")).job(call.path("id"))
    return _page(call, job, revealed=False)


async def reveal(call: Call[Jobs, Nothing, Nothing], who: Who) -> HTMLResponse:
    """The same page with nothing masked: an answer to a form, so no history brings it back."""
    job = await steering.reveal_job(call.resources, who, call.path("backend"), call.path("id"))
    return _page(call, job, revealed=True)


def _page(call: Call[Jobs, Any, Nothing], job: JobDetail, *, revealed: bool) -> HTMLResponse:
    now, card = datetime.now(UTC), job.card
    did = call.query.did if isinstance(call.query, Said) else ""
    return html_page(
        call.request,
        "job.html",
        notice=notice_of(did),
        job=job,
        features=call.resources.backend(card.backend).features,
        revealed=revealed,
        known=digest_of(job),
        arguments=_written(job),
        may_retry=card.state in RETRYABLE,
        may_discard=card.state in DISCARDABLE,
        events=timeline.events(job, now),
        bars=timeline.bars(job, now),
        timeline_width=timeline.WIDTH,
        attempt_looks=_ATTEMPT_LOOKS,
    )


def _written(job: JobDetail) -> str:
    """The arguments as JSON to read; a very long one is cut."""
    given: object = {"args": job.args, "kwargs": job.kwargs} if job.kwargs else job.args
    text = msgspec.json.format(msgspec.json.encode(given), indent=2).decode()
    return shortened(text, _ARGUMENTS_MAX)


async def retry(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    await steering.retry_job(call.resources, who, call.path("backend"), call.path("id"))
    return _back(call, "retry")


async def discard(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    backend = call.path("backend")
    await steering.discard_job(call.resources, who, backend, call.path("id"))
    if backend == "fast":  # which forgets what it discards
        call.resources.pulse.forget()
        return see_other(after(LIST, "picked-discard", done=1).replace("?", "?backend=fast&"))
    return _back(call, "discard")


def _back(call: Call[Jobs, Nothing, Nothing], did: str) -> RedirectResponse:
    call.resources.pulse.forget()
    return see_other(after(f"/jobs/{call.path('backend')}/{call.path('id')}", did))


# Last in the route table: any two parts after /jobs fit.
OPERATIONS: list[Operation] = [
    page(_JOB, show_job, "One job", query=Said),
    form(f"{_JOB}/retry", retry, "Runs it again", "operator"),
    form(f"{_JOB}/discard", discard, "Doesn't run it", "operator"),
    form(f"{_JOB}/reveal", reveal, "Shows its arguments unmasked; on record", "operator"),
]
