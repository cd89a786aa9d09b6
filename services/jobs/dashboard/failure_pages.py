"""Failures that are one and the same, as groups: where, how often, since when; retried one first, or all."""

from __future__ import annotations

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse

from services.decode import Nothing
from services.errors import NotFound
from services.jobs import steering
from services.jobs.backend import COUNT_MAX, BackendAway, JobBackend, JobCard, JobFilter, State
from services.jobs.dashboard.job_list import see_other
from services.jobs.dashboard.notices import after
from services.jobs.dashboard.rendering import html_page
from services.jobs.failures import FailureGroup, failure_group, failure_groups
from services.jobs.resources import Jobs
from services.jobs.staff.access import form, page
from services.jobs.staff.who import Who
from services.operations import Call, Operation

_GROUPS, _GROUP = "/jobs/failures", "/jobs/failures/{backend}/{group}"
_STATES: tuple[State, ...] = ("dead", "crashed")
_SHOWN = 20


class GroupsQuery(msgspec.Struct, frozen=True):
    cursor: str = ""


async def show_groups(call: Call[Jobs, GroupsQuery, Nothing], _who: Who) -> HTMLResponse:
    found = await failure_groups(call.resources.database, call.query.cursor or None)
    return html_page(
        call.request,
        "failures.html",
        groups=found.items,
        cursor=call.query.cursor,
        next_cursor=found.next_cursor,
    )


async def show_group(call: Call[Jobs, Nothing, Nothing], _who: Who) -> HTMLResponse:
    group = await _group_of(call)
    backend, sample, away = call.resources.backend(group.backend), None, False
    cards: list[JobCard] = []
    counts: dict[State, int] = {}
    try:
        found = await _dead_of(backend, group.fingerprint)
        cards = [card for state in _STATES for card in found[state]][:_SHOWN]
        counts = await _counts(backend, group, {state: len(found[state]) for state in _STATES})
        sample = await backend.job(cards[0].id) if cards else None
    except NotFound:
        sample = None  # purged a moment ago
    except BackendAway:
        away = True
    return html_page(
        call.request,
        "failure_group.html",
        group=group,
        counts=counts,
        total=sum(counts.values()) if group.jobs is None else group.jobs,
        cards=cards,
        sample=sample,
        away=away,
    )


async def _dead_of(backend: JobBackend, group: str) -> dict[State, list[JobCard]]:
    """The newest jobs of the group that ended badly."""
    return {
        state: (await backend.jobs(JobFilter(state=state, group=group), limit=_SHOWN)).items
        for state in _STATES
    }


async def _counts(backend: JobBackend, group: FailureGroup, shown: dict[State, int]) -> dict[State, int]:
    """How many jobs are in each state. Where one alone has more than are shown, the group tells."""
    longer = [state for state, number in shown.items() if number == _SHOWN]
    if len(longer) == 1 and group.jobs is not None:
        others = sum(shown.values()) - _SHOWN
        return {**shown, longer[0]: group.jobs if group.jobs >= COUNT_MAX else group.jobs - others}
    return shown | {
        state: await backend.count(JobFilter(state=state, group=group.fingerprint)) for state in longer
    }


async def _group_of(call: Call[Jobs, Nothing, Nothing]) -> FailureGroup:
    group = await failure_group(call.resources.database, call.path("group"))
    if group.backend != call.path("backend"):
        raise NotFound()
    return group


async def retry_first(call: Call[Jobs, Nothing, Nothing], who: Who) -> RedirectResponse:
    """The newest dead job alone, to see whether the cause is gone."""
    group = await _group_of(call)
    job_id = await steering.retry_one_of(call.resources, who, group.backend, group.fingerprint)
    call.resources.pulse.forget()
    return see_other(after(f"/jobs/{group.backend}/{job_id}", "first"))


OPERATIONS: list[Operation] = [
    page(_GROUPS, show_groups, "Failures by cause", query=GroupsQuery),
    page(_GROUP, show_group, "One cause and its jobs"),
    form(f"{_GROUP}/retry-one", retry_first, "Retries the newest job of a cause", "operator"),
]
