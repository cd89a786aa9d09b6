"""Numbers into drawings, times into words, tracebacks into passages: no server needed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from services.jobs.dashboard import charts, words
from services.jobs.dashboard.traceback_text import passages
from tests.jobs.dashboard.rows import MAIL

NOW = datetime(2026, 5, 12, 14, 5, 9, tzinfo=UTC)


def test_a_columns_height_is_its_share_of_the_scale() -> None:
    chart = charts.bars("k", "T", "D", [charts.Series("a", [0, 5, 10], "done")], ["x", "y", "z"])
    assert chart.top == 10
    assert re.findall(r'class="bar bar-done" x="(\d+)" y="(\d+)" width="8" height="(\d+)"', chart.svg) == [
        ("11", "50", "50"), ("21", "0", "100"),
    ]  # fmt: skip


def test_what_is_small_beside_the_rest_can_still_be_seen() -> None:
    chart = charts.bars("k", "T", "D", [charts.Series("a", [1, 100_000], "failed")], ["x", "y"])
    assert 'height="1.5"' in chart.svg


def test_a_line_breaks_where_nothing_is_known() -> None:
    chart = charts.lines("k", "T", "D", [charts.Series("a", [1, 2, None, 2, None], "p50")], list("vwxyz"))
    (path,) = re.findall(r'class="line line-p50" d="([^"]+)"', chart.svg)
    assert path == "M5 50L15 0M30 0h10"


def test_a_chart_is_well_formed_named_and_carries_no_style() -> None:
    chart = charts.bars("k", "<T> & co", "D\"'", [charts.Series("a", [1], "done")], ["<x>"])
    root = ElementTree.fromstring(str(chart.svg))
    assert root.attrib["role"] == "img"
    assert [element.text for element in root][:2] == ["<T> & co", "D\"'"]
    assert all("style" not in element.attrib for element in root.iter())


def test_an_empty_chart_is_one_too() -> None:
    assert charts.bars("k", "T", "D", [], []).top == 1
    assert (
        '<path class="line' not in charts.lines("k", "T", "D", [charts.Series("a", [None], "p50")], ["x"]).svg
    )


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (1.2, 2), (9, 10), (21, 30), (45, 50), (51, 80), (801, 1000)]
)
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert charts.round_up(value) == top


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, words.UNKNOWN), (0.0004, "0.4 ms"), (0.012, "12 ms"), (0.9996, "1.0 s"), (1.44, "1.4 s"),
     (59.6, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (11_400, "3 h 10 min"), (187_200, "2 d 4 h")],
)  # fmt: skip
def test_durations_are_said_in_one_or_two_units(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "just now"), (-0.4, "now"), (40, "40 s ago"), (-300, "in 5 min"), (10_900, "3 h ago"),
     (6 * 86_400, "6 d ago"), (40 * 86_400, "2 Apr 2026")],
)  # fmt: skip
def test_times_are_said_by_their_distance(seconds: float, said: str) -> None:
    assert words.relative(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_time_carries_the_exact_moment() -> None:
    said = words.when(NOW - timedelta(seconds=40), NOW)
    assert said == (
        '<time datetime="2026-05-12T14:04:29.000Z" title="2026-05-12 14:04:29.000 UTC" data-ago>'
        "40 s ago</time>"
    )


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (1234, "1,234"), (100_000, "100,000+"), (None, words.UNKNOWN)]
)
def test_counts_that_stopped_say_so(value: int | None, said: str) -> None:
    assert words.count(value) == said


def test_a_traceback_is_cut_into_ours_and_others_and_nothing_is_lost() -> None:
    found = passages(MAIL)
    assert [passage.kind for passage in found] == ["text", "ours", "foreign", "ours", "text"]
    assert [frame.function for frame in found[1].frames] == ["run", "send_receipt", "send_receipt"]
    assert [frame.package for frame in found[2].frames] == ["aiosmtplib", "aiosmtplib", "python3.13"]
    assert found[3].frames[0].file == "services/checkout/mail/mailer.py"
    assert found[1].frames[2].code == ("await mailer.send(letter)", "^" * 25)
    printed = "".join(passage.text + "".join("".join(f.code) for f in passage.frames) for passage in found)
    for line in MAIL.splitlines():
        assert line.strip().startswith("File ") or line.strip() in printed


def test_chained_and_grouped_errors_keep_their_words() -> None:
    text = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/srv/kiosk/services/service.py", line 3, in run\n  |     go()\n'
        "  | ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
    )
    found = passages(text)
    assert [passage.kind for passage in found] == ["text", "ours", "text"]
    assert "ExceptionGroup: two" in found[2].text
