"""Equal failures are one group."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from databases import Database

from services.database import open_database, role_url
from services.errors import Conflict, FieldError, Invalid, NotFound
from services.jobs import actors, failures
from services.jobs.failures import Failure, failure_group, failure_groups, failure_of, note_failures
from services.queue import enqueue
from services.settings import DatabaseSettings
from tests.jobs.conditions import job_in_state
from tests.jobs.conftest import Owner, RunWorker


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    data = DatabaseSettings(database_url=database_url)
    database = open_database(role_url(data, "jobs"), data, pool_max=2, name="test-failures")
    await database.connect()
    yield database
    await database.disconnect()


def caught(function: object, *arguments: object) -> Failure:
    assert callable(function)
    with pytest.raises(Exception) as raised:  # noqa: PT011
        function(*arguments)
    return failure_of("durable", raised.value)


def test_the_frame_is_the_innermost_one_of_our_own() -> None:
    def reads() -> None:
        uuid.UUID("none")

    assert caught(failures._place, None).frame == "services/jobs/failures.py:_place"
    assert caught(reads).frame.startswith("uuid.py:")
    assert failure_of("durable", ValueError()).frame == "unknown"


def test_arguments_that_make_no_sense_are_their_actors_failure() -> None:
    """Else all actors' bad arguments were one group: all are read at the same place."""
    frame = "services/jobs/actors.py:declare"

    def read_by(actor: str) -> Failure:
        code = compile(f"def {actor}(read):\n    read('none')", actors.__file__, "exec")
        namespace: dict[str, Callable[..., None]] = {}
        exec(code, namespace)
        return caught(namespace[actor], actors._id)

    assert read_by("declare").frame == frame
    assert read_by("declare").fingerprint != read_by("another").fingerprint


def test_what_an_error_quotes_of_people_and_secrets_is_not_kept() -> None:
    def send() -> None:
        try:
            raise LookupError("no mailbox ada@example.org")
        except LookupError as cause:
            raise ValueError("550 <ada@example.org>: sk_test_4eC39HqLyjWD, card 4242424242424242") from cause

    kept = caught(send)
    assert kept.message == "550 <•••>: •••, card •••"
    assert "no mailbox •••" in kept.traceback
    for private in ("ada@", "4eC39", "4242"):
        assert private not in kept.traceback + kept.message


async def test_a_row_that_postgresql_quotes_is_not_kept(owner: Owner) -> None:
    """What it quotes is the row as it would have been: an order's token, its name and address."""
    await owner.execute("CREATE TEMP TABLE people (token text UNIQUE, name text, address text NOT NULL)")
    await owner.execute("INSERT INTO people VALUES ('9f0e (old)', 'Ada', 'London')")
    insert, texts = "INSERT INTO people VALUES ($1, $2, $3)", []
    for row in (("8e1d", "Ada).\n(King", None), ("9f0e (old)", "Ada", "London")):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as raised:
            await owner.execute(insert, *row)
        kept = failure_of("durable", raised.value)
        assert "DETAIL:" in kept.message
        texts += [kept.message, kept.traceback]
    for private in ("8e1d", "9f0e", "Ada", "King"):
        assert not any(private in text for text in texts), private
    assert "Failing row contains (•••)" in texts[0]
    assert "Key (token)=(•••) already exists." in texts[3]


def test_an_error_that_quotes_a_whole_file_is_kept_short() -> None:
    def send() -> None:
        raise ValueError("a@b.c " * 1_000_000)

    kept = caught(send)
    assert len(kept.message) == 2_000
    assert len(kept.traceback) <= 20_000
    assert "a@b.c" not in kept.message


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def test_an_error_that_cannot_be_told_is_a_failure_too(
    owner: Owner, database_url: str, run_worker: RunWorker
) -> None:
    """It was handed back at once, again and again, as if the worker had stopped."""

    def send() -> None:
        raise Speechless()

    run_worker(database_url, send=(send, {"max_retries": 0}))
    job = await job_in_state(owner, await enqueue(owner, "tests.send"), "dead")
    assert job["error_message"] == "<its message can't be told>"


def test_equal_failures_have_one_fingerprint() -> None:
    first, second = caught(failures._place, None), caught(failures._place, 1)
    assert first.fingerprint == second.fingerprint
    assert first.message != second.message
    assert first.fingerprint != failure_of("fast", AttributeError()).fingerprint
    assert len(first.fingerprint) == 16


async def test_python_and_sql_agree_on_fingerprints(owner: Owner) -> None:
    query = "SELECT jobs.fingerprint('durable', 'builtins.é', 'a/b.py:c')"
    assert await owner.fetchval(query) == failures.fingerprint_of("durable", "builtins.é", "a/b.py:c")


async def test_failures_are_counted_in_their_groups(
    database: Database, database_url: str, owner: Owner, run_worker: RunWorker
) -> None:
    def refuse() -> None:
        raise Conflict("not now")

    def stumble(word: str) -> None:
        Invalid([FieldError(word, word)], None).errors[1]

    run_worker(database_url, refuse=refuse, stumble=(stumble, {"max_retries": 1, "min_backoff": 1}))
    for _ in range(3):
        await job_in_state(owner, await enqueue(owner, "tests.refuse"), "dead")
    job = await job_in_state(owner, await enqueue(owner, "tests.stumble", "x"), "dead")
    stumbled, refused = (await failure_groups(database)).items
    assert (refused.actor, refused.error_class, refused.message) == (
        "tests.refuse", "services.errors.Conflict", "not now",
    )  # fmt: skip
    assert (refused.occurrences, refused.jobs, refused.first_release) == (3, 3, "test")
    assert (stumbled.occurrences, stumbled.jobs) == (2, 1)
    assert stumbled.last_seen > stumbled.first_seen
    assert job["fingerprint"] == stumbled.fingerprint
    assert (job["error_class"], job["error_message"]) == ("IndexError", stumbled.message)
    await owner.execute("UPDATE jobs.jobs SET state = 'discarded' WHERE id = $1", job["id"])
    assert (await failure_group(database, stumbled.fingerprint)).jobs == 0


async def test_groups_come_in_pages_the_latest_first(database: Database) -> None:
    for number in range(5):
        failed = Failure("E", f"no {number}", "", f"f{number}", f"{number:016}")
        await note_failures(database, "fast", "r1", [("tests.send", failed), ("tests.send", failed)])
    again = Failure("E", "once more", "", "f1", f"{1:016}")
    await note_failures(database, "fast", "r2", [("tests.other", again)])
    await note_failures(database, "fast", "r2", [])
    found, cursor = list[failures.FailureGroup](), None
    while True:
        page = await failure_groups(database, cursor, limit=2)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [group.frame for group in found] == ["f1", "f4", "f3", "f2", "f0"]
    assert (found[0].occurrences, found[0].message, found[0].actor) == (3, "once more", "tests.other")
    assert (found[0].first_release, found[0].last_release, found[0].jobs) == ("r1", "r2", None)


async def test_a_group_that_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound):
        await failure_group(database, "none")
    with pytest.raises(Invalid):
        await failure_groups(database, "none")
