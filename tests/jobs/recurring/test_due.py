"""Which runs are owed."""

from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSimError

from services.jobs.recurring.due import EACH_MAX, due_runs
from services.jobs.recurring.tasks import TASKS, Missed, Task

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def task(missed: Missed, cron: str = "* * * * *") -> Task:
    return Task("tests.note", cron, "tests.note", missed, "A test's")


@pytest.mark.parametrize("missed", ["skip", "once", "each"])
@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(milliseconds=1)])
def test_a_due_time_is_owed_at_that_very_moment_and_after_it(missed: Missed, late: timedelta) -> None:
    assert due_runs(task(missed), NOON - timedelta(seconds=5), NOON + late) == [NOON]


@pytest.mark.parametrize("missed", ["skip", "once", "each"])
def test_a_due_time_is_not_owed_before_it_nor_again_after_it_was_seen_to(missed: Missed) -> None:
    just_before = NOON - timedelta(milliseconds=1)
    assert due_runs(task(missed), NOON - timedelta(seconds=5), just_before) == []
    assert due_runs(task(missed), NOON, NOON + timedelta(seconds=59)) == []
    assert due_runs(task(missed), NOON + timedelta(seconds=1), NOON + timedelta(seconds=2)) == []


def test_missed_runs_are_forgotten_made_one_or_made_up_for_as_declared() -> None:
    hourly = "0 * * * *"
    since, now = NOON - timedelta(hours=3), NOON + timedelta(minutes=30)
    assert due_runs(task("skip", hourly), since, now) == []
    assert due_runs(task("once", hourly), since, now) == [NOON]
    hours = [NOON - timedelta(hours=2), NOON - timedelta(hours=1), NOON]
    assert due_runs(task("each", hourly), since, now) == hours


def test_a_run_a_little_late_is_not_missed() -> None:
    assert due_runs(task("skip", "0 * * * *"), NOON - MINUTE, NOON + 2 * MINUTE) == [NOON]
    assert due_runs(task("skip", "0 * * * *"), NOON - MINUTE, NOON + 3 * MINUTE) == []


def test_after_years_of_absence_only_the_newest_are_made_up_for() -> None:
    runs = due_runs(task("each"), NOON - timedelta(days=4000), NOON)
    assert len(runs) == EACH_MAX
    assert (runs[0], runs[-1]) == (NOON - (EACH_MAX - 1) * MINUTE, NOON)


def test_a_wrong_expression_is_found_when_the_table_is_read() -> None:
    with pytest.raises(CronSimError):
        task("once", "* * * *")


def test_every_declared_task_has_a_name_of_its_own_and_plain_words() -> None:
    assert len({one.name for one in TASKS}) == len(TASKS)
    for one in TASKS:
        assert one.description
        assert one.in_words.startswith(("Every", "At"))
