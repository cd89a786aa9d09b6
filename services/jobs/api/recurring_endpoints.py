"""Recurring tasks over the API."""

from __future__ import annotations

import msgspec

from services.decode import Nothing
from services.jobs import steering
from services.jobs.api.shapes import Steered
from services.jobs.api.verb import verb
from services.jobs.once import once_of
from services.jobs.recurring.steering import RecurringTask, recurring_tasks
from services.jobs.resources import Jobs
from services.jobs.staff.access import api
from services.jobs.staff.who import Who
from services.operations import Call, Operation


class RecurringTasks(msgspec.Struct, frozen=True):
    items: list[RecurringTask]


async def list_recurring(call: Call[Jobs, Nothing, Nothing], _who: Who) -> RecurringTasks:
    return RecurringTasks(await recurring_tasks(call.resources.database))


async def run_recurring_now(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    name, once = call.path("name"), once_of(call.request, call.body, who)
    await steering.run_recurring_now(call.resources, who, name, once)
    return Steered("recurring.run", name)


async def pause_recurring(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    name, once = call.path("name"), once_of(call.request, call.body, who)
    await steering.pause_recurring(call.resources, who, name, once)
    return Steered("recurring.pause", name)


async def resume_recurring(call: Call[Jobs, Nothing, Nothing], who: Who) -> Steered:
    name, once = call.path("name"), once_of(call.request, call.body, who)
    await steering.resume_recurring(call.resources, who, name, once)
    return Steered("recurring.resume", name)


_ALL, _ONE = "/api/jobs/recurring", "/api/jobs/recurring/{name}"

OPERATIONS: list[Operation] = [
    api("GET", _ALL, list_recurring, "Recurring tasks and how far they have come", answer=RecurringTasks),
    verb(f"{_ONE}/run", run_recurring_now, "Run it now, besides its times", Steered),
    verb(f"{_ONE}/pause", pause_recurring, "Leave it alone until it is resumed", Steered),
    verb(f"{_ONE}/resume", resume_recurring, "Let it run again", Steered),
]
