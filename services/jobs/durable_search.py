"""Which durable jobs a filter finds, in pages, in numbers, and for a bulk action.

Each state's list is walked by its own index, newest (or next) first. What no index serves is looked for
along that walk, over WALK_MAX jobs; then the answer says how far it came, and the next page goes on there.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from asyncpg import Record
from databases import Database

from services.database import connection
from services.errors import FieldError, Invalid
from services.jobs.backend import (
    COUNT_MAX,
    DISCARDABLE,
    IN_BULK,
    RETRYABLE,
    Batch,
    JobCard,
    JobFilter,
    JobPage,
    State,
    Verb,
)
from services.jobs.cursors import Cursor, decode_cursor
from services.jobs.masking import masked
from services.jobs.moments import EARLIEST, LATEST, within_times
from services.queries import load_queries

WALK_MAX = 5_000
_LINE_CHARACTERS_MAX = 200

_SQL = load_queries(__file__, "durable_search.sql")
_STATES: tuple[State, ...] = get_args(State)
_ENDED = ("done", "dead", "crashed", "discarded")
_WALKS = {
    **dict.fromkeys(_ENDED, "ended"),
    "scheduled": "waiting",
    "ready": "waiting",
    "blocked": "blocked",
    "running": "running",
    "all": "of_all_states",
    "group": "of_a_group",
}
_NEXT_FIRST = frozenset({"scheduled", "ready", "blocked"})
_LOWEST, _HIGHEST = str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))


def _statement(outcome: str, walk: str) -> str:
    if (outcome, walk) == ("count", "waiting"):
        walk = "waiting_in_any_order"
    return _SQL[outcome].replace("/* search */", _SQL[walk]).replace("/* fits */", _SQL["fits"])


_OUTCOMES = ("page", "count", "retry", "discard")
_STATEMENTS = {
    (outcome, walk): _statement(outcome, walk) for outcome in _OUTCOMES for walk in set(_WALKS.values())
}


async def page(database: Database, wanted: JobFilter, cursor: str | None, limit: int) -> JobPage:
    """Raises Invalid (cursor), DatabaseUnavailable."""
    listed = _list_of(wanted)
    after = decode_cursor(cursor, listed) if cursor else _start(listed)
    walk_max = WALK_MAX if _needs_a_search(wanted) else limit + 1
    values = _values(wanted, after, walk_max, limit + 1)
    async with connection(database) as raw:
        rows = await raw.fetch(_STATEMENTS["page", _WALKS[listed]], *values)
    rows.sort(key=lambda row: row["place"])
    fit = [row for row in rows if row["fits"]]
    if len(fit) > limit:
        return JobPage(items=[card(row) for row in fit[:limit]], next_cursor=_after(listed, fit[limit - 1]))
    items = [card(row) for row in fit]
    if rows and rows[-1]["place"] >= walk_max:
        return JobPage(items=items, next_cursor=_after(listed, rows[-1]), searched_until=rows[-1]["at"])
    return JobPage(items=items)


async def count(database: Database, wanted: JobFilter, at_most: int) -> int:
    """Up to `at_most`. Where no index serves the filter, among as many jobs of the list (but no fewer than
    WALK_MAX), so that it is a lower bound then. Raises DatabaseUnavailable."""
    listed = _list_of(wanted)
    values = _values(wanted, _start(listed), max(min(at_most, COUNT_MAX), WALK_MAX), at_most)
    async with connection(database) as raw:
        found: int = await raw.fetchval(_STATEMENTS["count", _WALKS[listed]], *values)
    return found


async def apply(
    database: Database, verb: Verb, wanted: JobFilter, before: datetime, cursor: str | None, limit: int
) -> Batch:
    """One step of a bulk action. Raises Invalid (cursor), DatabaseUnavailable."""
    states = IN_BULK[verb] if wanted.state is None else (wanted.state,)
    # Without a state each state's list is gone through in turn; a group has one list for all of them.
    lists: list[str] = ["group"] if _list_of(wanted) == "group" else list(states)
    after = decode_cursor(cursor, *lists) if cursor else _start(lists[0])
    if after.list != "group":
        wanted = msgspec.structs.replace(wanted, state=_state(after.list))
    values = _values(wanted, after, max(WALK_MAX, limit), limit, before)
    allowed = RETRYABLE if verb == "retry" else DISCARDABLE
    async with connection(database) as raw:
        row = await raw.fetchrow(
            _STATEMENTS[verb, _WALKS[after.list]], *values, stored_states(allowed.intersection(states))
        )
    assert row is not None
    following = lists[lists.index(after.list) + 1 :]
    next_cursor = _start(following[0]).encode() if following else None
    if row["more"]:
        next_cursor = _after(after.list, row)
    return Batch(seen=row["seen"], changed=row["changed"], cursor=next_cursor)


def card(row: Record) -> JobCard:
    """A job in a list, of a row of the statement `page`."""
    error = row["error_class"] and f"{row['error_class']}: {row['error_message']}"
    return JobCard(
        id=str(row["id"]),
        backend="durable",
        queue=row["queue"],
        actor=row["actor"],
        state=state_of(row),
        arguments=_line(row["args"], row["kwargs"]),
        priority=row["priority"],
        attempts=row["attempt"],
        enqueued_at=row["enqueued_at"],
        at=row["at"],
        error=error,
    )


def state_of(row: Record) -> State:
    if row["state"] == "queued":
        return "scheduled" if row["is_ahead"] else "ready"
    return _state(row["state"])


def stored_states(states: Collection[State]) -> list[str]:
    """As the rows tell them: whether a job is scheduled or ready is a matter of the clock."""
    return sorted({"queued" if state in ("scheduled", "ready") else state for state in states})


def _state(name: str) -> State:
    return next(state for state in _STATES if state == name)


def _line(args: str | None, kwargs: str | None) -> str:
    if args is None or kwargs is None:
        return "…"
    given = msgspec.json.decode(args)
    if named := msgspec.json.decode(kwargs):
        given = [*given, named]
    line = msgspec.json.encode(masked(given)[0]).decode()
    return line if len(line) <= _LINE_CHARACTERS_MAX else f"{line[: _LINE_CHARACTERS_MAX - 1]}…"


def _list_of(wanted: JobFilter) -> str:
    if wanted.group is not None and wanted.state in (None, "dead", "crashed", "discarded"):
        return "group"
    return wanted.state or "all"


def _needs_a_search(wanted: JobFilter) -> bool:
    """Whether the filter asks for more than the walk along the list's index answers."""
    if any(one is not None for one in (wanted.actor, wanted.text, wanted.error)):
        return True
    if _list_of(wanted) == "group":
        return wanted.queue is not None or wanted.state is not None
    return wanted.group is not None or (
        wanted.queue is not None and wanted.state not in ("scheduled", "ready")
    )


def _start(listed: str) -> Cursor:
    return Cursor(listed, EARLIEST, _LOWEST) if listed in _NEXT_FIRST else Cursor(listed, LATEST, _HIGHEST)


def _after(listed: str, row: Record) -> str:
    return Cursor(listed, row["at"], str(row["id"])).encode()


def _values(
    wanted: JobFilter, after: Cursor, walk_max: int, limit: int, before: datetime = LATEST
) -> Sequence[Any]:
    """The statements' $1 to $13. Raises Invalid for what PostgreSQL's text can't hold."""
    for name in ("queue", "actor", "text", "error", "group"):
        if "\x00" in (getattr(wanted, name) or ""):
            raise Invalid([FieldError(name, "can't contain NUL")])
    until = wanted.until or LATEST
    if after.list == "group" or after.list in _ENDED:
        until = min(until, before)
    try:
        last_id = uuid.UUID(after.key)
    except ValueError:
        raise Invalid([FieldError("cursor", "is not a cursor of this list")]) from None
    return (
        wanted.state,
        wanted.group,
        wanted.queue,
        wanted.actor,
        wanted.text,
        wanted.error,
        within_times(wanted.since or EARLIEST),
        within_times(until),
        after.at,
        last_id,
        walk_max,
        limit,
        before,
    )
