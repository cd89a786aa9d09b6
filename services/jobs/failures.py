"""Failures that are one and the same: what is told of an error, and the groups of equal ones.

A group is an error's class raised at one place of our own code. Both backends note theirs here.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType

import msgspec
from asyncpg import Record
from databases import Database

from services.database import connection
from services.errors import NotFound
from services.jobs.backend import COUNT_MAX, BackendName
from services.jobs.cursors import Cursor, decode_cursor
from services.private_text import without_quotes
from services.queries import load_queries

_SQL = load_queries(__file__, "failures.sql")
_GROUPS, _GROUP, _NOTE_FAILURE = _SQL["groups"], _SQL["group"], _SQL["note_failure"]

_MESSAGE_CHARACTERS_MAX = 2_000
_TRACEBACK_CHARACTERS_MAX = 20_000
_READ_CHARACTERS_MAX = 200_000  # an error may quote a whole file
_ROOT = f"{Path(__file__).parents[2]}/"
_READERS = frozenset({"services/jobs/actors.py:_read", "services/jobs/actors.py:_id"})
_LIST = "failure groups"
_FIRST = Cursor(_LIST, datetime(9999, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is kept. `frame` is where it was raised, such as
    `services/checkout/mail/mails.py:send_receipt`; no line number, so that it survives a release."""

    error_class: str
    message: str
    traceback: str
    frame: str
    fingerprint: str


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Equal failures of one backend. `actor` and `message` are the latest's. `jobs`: how many are dead or
    crashed by it now, up to COUNT_MAX; None for the fast backend, which counts its own."""

    fingerprint: str
    backend: BackendName
    actor: str
    error_class: str
    frame: str
    message: str
    first_seen: datetime
    last_seen: datetime
    occurrences: int
    first_release: str
    last_release: str
    jobs: int | None


class FailureGroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """The latest first."""

    items: list[FailureGroup]
    next_cursor: str | None = None


def failure_of(backend: BackendName, error: BaseException) -> Failure:
    """What is kept of an error: fit for PostgreSQL, bounded, and without what it quotes of people and
    secrets, which nobody needs to mend it."""
    error_class = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    frame, told_in_full = _frame_of(error), "".join(traceback.format_exception(error))
    return Failure(
        error_class,
        _kept(_told(error)[:_READ_CHARACTERS_MAX])[:_MESSAGE_CHARACTERS_MAX],
        _kept(told_in_full[-_READ_CHARACTERS_MAX:])[-_TRACEBACK_CHARACTERS_MAX:],
        frame,
        fingerprint_of(backend, error_class, frame),
    )


def fingerprint_of(backend: BackendName, error_class: str, frame: str) -> str:
    """As the SQL function `jobs.fingerprint()`."""
    return hashlib.sha256("\n".join((backend, error_class, frame)).encode()).hexdigest()[:16]


async def failure_groups(database: Database, cursor: str | None = None, limit: int = 50) -> FailureGroupPage:
    """One page. Raises Invalid (cursor), DatabaseUnavailable."""
    after = _FIRST if cursor is None else decode_cursor(cursor, _LIST)
    async with connection(database) as raw:
        rows = await raw.fetch(_GROUPS, after.at, after.key, limit + 1, COUNT_MAX)
    items = [_group(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return FailureGroupPage(items=items)
    last = Cursor(_LIST, items[-1].last_seen, items[-1].fingerprint)
    return FailureGroupPage(items=items, next_cursor=last.encode())


async def failure_group(database: Database, fingerprint: str) -> FailureGroup:
    """Raises NotFound, DatabaseUnavailable."""
    async with connection(database) as raw:
        row = await raw.fetchrow(_GROUP, fingerprint, COUNT_MAX)
    if row is None:
        raise NotFound()
    return _group(row)


async def note_failures(
    database: Database, backend: BackendName, release: str, failures: Sequence[tuple[str, Failure]]
) -> None:
    """Enters failures, each with its actor, into their groups. The durable broker does that with the
    verdict itself. Raises DatabaseUnavailable."""
    columns = [(f.fingerprint, actor, f.error_class, f.frame, f.message) for actor, f in failures]
    if columns:
        async with connection(database) as raw:
            arrays = (list(column) for column in zip(*columns, strict=True))
            await raw.execute(_NOTE_FAILURE, *arrays, backend, release)


def _group(row: Record) -> FailureGroup:
    return FailureGroup(**dict(row))


def _told(error: BaseException) -> str:
    """An error's own words, unless it fails at them: the job must get its verdict all the same."""
    try:
        return str(error)
    except Exception:
        return "<its message can't be told>"


def _frame_of(error: BaseException) -> str:
    """The innermost frame of our own code, else the innermost one. What reads an actor's arguments says
    nothing of the failure: the actor does."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [code for code in codes if code.co_filename.startswith(f"{_ROOT}services/")]
    ours = [code for code in ours if _place(code) not in _READERS] or ours
    return _storable(_place(ours[-1] if ours else codes[-1])) if codes else "unknown"


def _place(code: CodeType) -> str:
    """The same wherever the code is installed."""
    file = code.co_filename
    if file.startswith(f"{_ROOT}services/"):
        file = file.removeprefix(_ROOT)
    else:
        _, packaged, inside = file.rpartition("/site-packages/")
        file = inside if packaged else Path(file).name
    return f"{file}:{code.co_qualname.rpartition('<locals>.')[2]}"


def _kept(text: str) -> str:
    return without_quotes(_storable(text))


def _storable(text: str) -> str:
    """PostgreSQL's text knows neither NUL nor lone surrogates, and errors may quote anything."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
