"""What becomes of a job that raised."""

import pytest
from dramatiq import Retry

from services.errors import Conflict, DatabaseUnavailable, Limited
from services.jobs.verdicts import RELEASE, HandedBack, judge


def test_the_delay_doubles_from_the_shortest_to_the_longest() -> None:
    options = {"min_backoff": 1_000, "max_backoff": 60_000}
    delays = [judge(OSError(), failures, options).delay_seconds for failures in range(10)]
    for failures, delay in enumerate(delays[:5]):
        assert 2**failures <= delay <= 2 ** (failures + 1)
    assert all(30 <= delay <= 60 for delay in delays[6:])


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Conflict(), "dead"), (Limited(), "retry"), (DatabaseUnavailable(), "retry"), (KeyError("x"), "retry")],
)
def test_the_table_of_errors_decides_whether_to_try_again(error: Exception, outcome: str) -> None:
    assert judge(error, 0, {}).outcome == outcome


def test_the_last_allowed_failure_is_the_end() -> None:
    assert judge(OSError(), 2, {"max_retries": 3}).outcome == "retry"
    assert judge(OSError(), 3, {"max_retries": 3}).outcome == "dead"


def test_an_actor_may_choose_its_own_delay() -> None:
    assert judge(Retry(delay=1_500), 0, {}).delay_seconds == 1.5


def test_an_attempt_cut_short_is_no_failure() -> None:
    assert judge(HandedBack(), 99, {}) == RELEASE


def test_what_is_kept_of_an_error_fits_into_postgresql() -> None:
    verdict = judge(ValueError("\x00\ud800" + "x" * 100_000), 0, {})
    assert verdict.error_class == "ValueError"
    assert verdict.error_message is not None
    assert len(verdict.error_message) == 2_000
    assert "\x00" not in verdict.error_message
    verdict.error_message.encode()
