"""`GET /jobs/live`: figures as they change, as server-sent events.

All listeners of a process share one look at the jobs (see `pulse`); each is told what is news to it. A stream
ends at once when the process drains, so that a deploy waits for nobody; when its session has ended, which is
looked at twice a minute; and after some minutes anyhow: the browser comes back by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import StreamingResponse

from services.database import connection
from services.decode import Nothing
from services.errors import NotFound, Overloaded, Unavailable
from services.jobs.backend import JobDetail
from services.jobs.bulk import bulk
from services.jobs.dashboard.pulse import EVERY_SECONDS, Standing
from services.jobs.resources import Jobs
from services.jobs.staff.access import page, who_of
from services.jobs.staff.who import Who
from services.operations import Call, Operation
from services.request_context import current_request

_LISTENERS_MAX = 200
_STREAM_SECONDS = 300.0
_SESSION_SECONDS = 30.0
_GLANCE_SECONDS = 0.2  # how soon a stream notices that the process drains
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class LiveQuery(msgspec.Struct, frozen=True):
    """`watch`: what the open page is about, `durable:ID` of a job or `bulk:ID` of a bulk action; `known`: how
    that stood when the page was made, so that nothing is missed in between."""

    watch: str = ""
    known: str = ""


async def live(call: Call[Jobs, LiveQuery, Nothing], _who: Who) -> StreamingResponse:
    """Raises Overloaded when too many listen."""
    if call.resources.pulse.listeners >= _LISTENERS_MAX:
        raise Overloaded()
    request, jobs = call.request, call.resources

    async def is_let_in() -> bool:
        return await who_of(request, jobs) is not None

    stream = _events(jobs, call.query.watch, call.query.known, is_let_in)
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)


async def _always() -> bool:
    return True


async def _events(
    jobs: Jobs, watch: str, seen: str = "", is_let_in: Callable[[], Awaitable[bool]] = _always
) -> AsyncGenerator[bytes, None]:
    known = _Known(seen)
    begun = time.monotonic()
    end, ask_again = begun + _STREAM_SECONDS, begun + _SESSION_SECONDS
    jobs.pulse.listeners += 1
    try:
        yield b"retry: 2000\n\n"
        while not jobs.pulse.lifecycle.draining and time.monotonic() < end:
            _begin_anew()
            event = await _news(jobs, watch, known)
            # A comment keeps proxies from taking a quiet stream for a dead one.
            yield b"data: " + msgspec.json.encode(event) + b"\n\n" if event else b":\n\n"
            await _rest(jobs)
            if time.monotonic() >= ask_again:
                ask_again += _SESSION_SECONDS
                if not await _still(is_let_in):
                    return
    finally:
        jobs.pulse.listeners -= 1


def _begin_anew() -> None:
    """A stream is one request that lasts minutes: each look has a request's whole time for Redis."""
    if (context := current_request.get()) is not None:
        context.redis_seconds_spent = 0.0


async def _still(is_let_in: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await is_let_in()
    except Unavailable:  # nobody's session ends by that
        return True


class _Known:
    """What a listener has been told."""

    def __init__(self, watched: str) -> None:
        self.figures: dict[str, str] = {}
        self.digests = {"watched": watched} if watched else {}

    def news(self, figures: dict[str, str], digests: dict[str, str]) -> dict[str, Any]:
        changed = {name: text for name, text in figures.items() if self.figures.get(name) != text}
        # What stood in a page and is not told of any more has ended.
        gone = {name for name in self.figures.keys() - figures.keys() if name.startswith("bulk.")}
        regions = [name for name, digest in digests.items() if self.digests.get(name, digest) != digest]
        if gone:
            regions.append("bulk")
        self.figures, self.digests = dict(figures), digests
        event: dict[str, Any] = {}
        if changed:
            event["figures"] = changed
        if regions:
            event["regions"] = regions
        return event


async def _news(jobs: Jobs, watch: str, known: _Known) -> dict[str, Any]:
    try:
        standing: Standing = await jobs.pulse.standing(jobs)
        digests = dict(standing.digests)
        if watch:
            digests["watched"] = await _watched(jobs, watch)
    except Unavailable:
        return {}
    event = known.news(standing.figures, digests)
    if "watched" in event.get("regions", ()):
        event["say"] = f"It is {digests['watched'].partition(' ')[0]} now."
    return event


async def _watched(jobs: Jobs, watch: str) -> str:
    what, _, one = watch.partition(":")
    try:
        if what == "bulk":
            async with connection(jobs.database) as raw:
                return (await bulk.one(raw, one)).state
        return digest_of(await jobs.backend(what).job(one))
    except NotFound:
        return "gone"


def digest_of(job: JobDetail) -> str:
    """The job's state, and what else changes whenever its page would."""
    started = job.started_at.timestamp() if job.started_at else 0
    return f"{job.card.state} {job.card.attempts} {len(job.attempts)} {started}"


async def _rest(jobs: Jobs) -> None:
    for _ in range(round(EVERY_SECONDS / _GLANCE_SECONDS)):
        if jobs.pulse.lifecycle.draining:
            return
        await asyncio.sleep(_GLANCE_SECONDS)


OPERATIONS: list[Operation] = [
    page("/jobs/live", live, "Figures as they change", query=LiveQuery, admission="exempt")
]
