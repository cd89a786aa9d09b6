"""What supervisor's log tells of deaths, and how log files are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.deaths import Death, Deaths
from ops.local.tail import Tail

STAMP = "2026-11-23 12:00:00,123"


@pytest.mark.parametrize(
    ("line", "death"),
    [
        (
            f"{STAMP} WARN exited: catalog (terminated by SIGKILL; not expected)",
            Death("catalog", "terminated by SIGKILL", 1),
        ),
        (
            f"{STAMP} INFO exited: worker-fast (exit status 0; expected)",
            Death("worker-fast", "exit status 0", 1),
        ),
        (
            f"{STAMP} INFO gave up: jobs entered FATAL state, too many start retries too quickly",
            Death("jobs", "gave up", 0, gave_up=True),
        ),
        (f"{STAMP} INFO spawned: 'catalog' with pid 4711", None),
        (f"{STAMP} INFO stopped: catalog (exit status 0)", None),
        (f"{STAMP} INFO success: catalog entered RUNNING state, process has stayed up for > than 1 s", None),
    ],
)
def test_a_line_of_supervisors_log_is_understood(line: str, death: Death | None) -> None:
    assert Deaths().read(line) == death


def test_deaths_are_counted_by_process() -> None:
    deaths = Deaths()
    for _ in range(4):
        deaths.read(f"{STAMP} WARN exited: catalog (exit status 1; not expected)")
    fifth = deaths.read(f"{STAMP} WARN exited: catalog (exit status 1; not expected)")
    other = deaths.read(f"{STAMP} WARN exited: jobs (exit status 1; not expected)")
    assert fifth is not None
    assert other is not None
    assert (fifth.number, other.number) == (5, 1)


def test_a_tail_shows_whole_lines_that_are_new(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    tail = Tail(log)
    with log.open("a") as file:
        file.write("one\ntwo\nthr")
        file.flush()
        assert tail.lines() == ["one", "two"]
        file.write("ee\n")
        file.flush()
    assert tail.lines() == ["three"]
    assert tail.lines() == []
    tail.close()


def test_a_tail_goes_on_after_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("")
    tail = Tail(log)
    with log.open("a") as file:
        file.write("before\n")
    log.rename(tmp_path / "log.1")
    log.write_text("after\n")
    assert tail.lines() == ["before", "after"]
    tail.close()


def test_a_tail_may_begin_before_its_file(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "log")
    assert tail.lines() == []
    (tmp_path / "log").write_text("first\n")
    assert tail.lines() == ["first"]
    tail.close()
