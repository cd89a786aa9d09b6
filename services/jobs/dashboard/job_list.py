"""Jobs by state and filter, steered one by one or as many as are picked."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.decode import Nothing, decode_query
from services.errors import FieldError, Malformed, NotFound
from services.jobs import steering
from services.jobs.backend import (
    DISCARDABLE,
    RETRYABLE,
    STATES,
    BackendAway,
    BackendName,
    JobFilter,
    JobPage,
    NotInState,
    State,
)
from services.jobs.dashboard.notices import notice_of
from services.jobs.dashboard.rendering import html_page
from services.jobs.dashboard.troubles import STORES
from services.jobs.dashboard.words import query
from services.jobs.looking import find_jobs
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation

LIST = "/jobs/list"
_PAGE = 50
_AT_LABELS = {"scheduled": "Due", "ready": "Ready since", "blocked": "Ready since", "running": "Started"}
_FILTERS = ("queue", "actor", "text", "error", "since", "until", "group")


class ListQuery(msgspec.Struct, frozen=True):
    """The page's parameters as they were typed; see `JobFilter`."""

    backend: str = "durable"
    state: str = "dead"
    queue: str = ""
    actor: str = ""
    text: str = ""
    error: str = ""
    since: str = ""
    until: str = ""
    group: str = ""
    cursor: str = ""
    did: str = ""
    done: int = 0
    passed: int = 0

    def link(self, **changed: str) -> str:
        """This list with the same filter; another state, verb or cursor."""
        kept = {name: getattr(self, name) for name in ("backend", "state", *_FILTERS)}
        return query(**{**kept, **changed})

    @property
    def filtered(self) -> bool:
        return any(getattr(self, name) for name in _FILTERS)


def wanted_of(asked: ListQuery) -> tuple[JobFilter, list[FieldError]]:
    """The filter, and what of it can't be read (which then does not filter)."""
    problems: list[FieldError] = []
    state: State = next((state for state in STATES if state == asked.state), "dead")
    wanted = JobFilter(
        state=state,
        queue=asked.queue or None,
        actor=asked.actor.strip() or None,
        text=asked.text or None,
        error=asked.error or None,
        since=_moment("From", asked.since, problems),
        until=_moment("Until", asked.until, problems),
        group=asked.group or None,
    )
    return wanted, problems


def _moment(field: str, typed: str, problems: list[FieldError]) -> datetime | None:
    """What a browser's field for time sends, or RFC 3339; without a zone it is UTC."""
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # of the years 1 and 9999, in another zone
        problems.append(FieldError(field, "is not a time such as 2026-05-12T14:05"))
        return None


def _local(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M") if moment else ""


async def show_list(call: Call[Jobs, ListQuery, Nothing], who: Who) -> HTMLResponse:
    jobs, asked = call.resources, call.query
    backend = jobs.backend(asked.backend)
    wanted, problems = wanted_of(asked)
    standing = await jobs.pulse.standing(jobs)
    half = standing.halves[backend.name]
    away_since, found = half.away_since, JobPage(items=[])
    if away_since is None:
        try:
            found = await find_jobs(jobs, who, backend.name, wanted, asked.cursor or None, _PAGE)
        except BackendAway as error:
            away_since = error.facts.get("since") or datetime.now(UTC)
    state = wanted.state or "dead"
    return html_page(
        call.request,
        "jobs.html",
        notice=notice_of(asked.did, asked.done, asked.passed),
        backends=list(jobs.backends),
        backend_name=backend.name,
        store=STORES[backend.name],
        away_since=away_since,
        counts=half.counts,
        wanted=wanted,
        problems=problems,
        filtered=asked.filtered,
        queues=sorted({queue.name for queue in half.queues} | {wanted.queue or "default"}),
        page=found,
        cursor=asked.cursor,
        link=asked.link,
        back=asked.link(cursor=asked.cursor),
        local=_local,
        may_retry=state in RETRYABLE,
        may_discard=state in DISCARDABLE,
        at_label=_AT_LABELS.get(state, "Ended"),
        older_label="Later" if state in ("scheduled", "ready", "blocked") else "Older",
    )


class Picked(msgspec.Struct, frozen=True):
    """`one` is `retry ID` of a row's own button; else `verb` goes for all of `pick`."""

    back: str = ""
    verb: str = ""
    one: str = ""
    pick: list[str] = []


async def steer_picked(call: Call[Jobs, Nothing, Picked], who: Who) -> RedirectResponse:
    """Each job in a transaction of its own; one that has moved on meanwhile stops none of the others."""
    jobs, sent = call.resources, call.body
    backend = _backend_of(jobs, sent.back)
    verb, ids = sent.verb, sent.pick
    if sent.one:
        verb, _, job_id = sent.one.partition(" ")
        ids = [job_id]
    steer = {"retry": steering.retry_job, "discard": steering.discard_job}.get(verb)
    if steer is None:
        raise Malformed("Retry or discard?")
    done = 0
    for job_id in ids:
        try:
            await steer(jobs, who, backend, job_id)
            done += 1
        except (NotInState, NotFound):
            continue
    jobs.pulse.forget()
    said = query(did=f"picked-{verb}", done=done, passed=len(ids) - done).lstrip("?")
    return see_other(f"{LIST}?{'&'.join(filter(None, (sent.back.lstrip('?'), said)))}")


def _backend_of(jobs: Jobs, back: str) -> BackendName:
    """The list that the form was on."""
    asked = decode_query(quote(back.lstrip("?"), safe="=&%+").encode(), ListQuery, strict=False)
    return jobs.backend(asked.backend).name


def see_other(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


OPERATIONS: list[Operation] = [
    page(LIST, show_list, "Jobs by state and filter", query=ListQuery),
    form(LIST, steer_picked, "Retries or discards what was picked", "operator", Picked),
]
