"""The command line as a process: its exit codes, and one line of error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import PATIENT, ROOT


def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.jobs", *arguments],
        cwd=ROOT,
        env={**os.environ, **PATIENT, "REDIS_QUEUE_URL": "redis://127.0.0.1:9/1", **variables},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


async def test_done_ends_with_0(database_url: str) -> None:
    done = call("queues", DATABASE_URL=database_url)
    assert (done.returncode, done.stdout.split()[0]) == (0, "BACKEND")
    assert "fast: unreachable" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("job", "nonsense"), "kiosk: There is nothing here"),
        (("retry",), "kiosk: ID retry takes a job's ID, or --all with --state"),
        (("jobs", "--backend", "fast"), "kiosk: This half of the jobs can't be reached right now"),
    ],
)
async def test_refused_ends_with_1_and_one_line(
    database_url: str, arguments: tuple[str, ...], why: str
) -> None:
    done = call(*arguments, DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(why)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("bulk",),
        ("jobs", "--state", "tired"),
        ("jobs", "--since", "yesterday"),
        ("jobs", "--since", "2026-01-01T00:00:00"),
        ("retry", "--all", "--rate", "0"),
        ("recurring", "run"),
    ],
)
def test_what_is_not_understood_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = call(*arguments, DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    done = call("queues", DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert (done.returncode, done.stderr) == (1, "kiosk: The database can't be reached right now\n")
