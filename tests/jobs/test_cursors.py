"""Where a page ended: only what we wrote ourselves is taken back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.errors import Invalid
from services.jobs.cursors import Cursor, decode_cursor

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def _in_zone(moment: datetime, hours: int) -> datetime:
    return moment.replace(tzinfo=timezone(timedelta(hours=hours)))


@pytest.mark.parametrize("moment", [FIRST, LAST])
def test_a_cursor_holds_any_moment_in_utc(moment: datetime) -> None:
    cursor = Cursor("dead", moment, "7")
    assert decode_cursor(cursor.encode(), "dead") == cursor


@pytest.mark.parametrize(
    "moment", [FIRST.replace(tzinfo=None), _in_zone(FIRST, 14), _in_zone(LAST, -14), _in_zone(LAST, 1)]
)
def test_a_moment_of_another_zone_is_none_of_ours(moment: datetime) -> None:
    """The calendar's ends are no time in UTC there."""
    with pytest.raises(Invalid):
        decode_cursor(Cursor("dead", moment, "7").encode(), "dead")


@pytest.mark.parametrize("given", ["", "nonsense", "é", Cursor("ready", LAST, "7").encode()])
def test_nonsense_and_the_cursor_of_another_list_are_refused(given: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(given, "dead")


def test_a_nul_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(Cursor("dead", LAST, "7\x00").encode(), "dead")
