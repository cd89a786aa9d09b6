"""The checklist has all its points, each with tests that exist."""

import pytest

from tests.security.checklist import DOCUMENT, Point, exists, points, with_table


def test_there_are_42_points_in_order() -> None:
    assert [point.number for point in points()] == list(range(1, 43))


@pytest.mark.parametrize("point", points(), ids=lambda point: str(point.number))
def test_a_point_is_proven_by_tests_that_exist(point: Point) -> None:
    assert point.tests
    assert [test for test in point.tests if not exists(test)] == []


def test_a_test_that_is_not_there_is_found_out() -> None:
    assert not exists("tests/security/test_checklist.py::test_nothing")
    assert not exists("tests/security/test_nowhere.py::test_there_are_42_points_in_order")
    assert exists("tests/security/test_checklist.py::test_there_are_42_points_in_order")


def test_the_table_in_the_document_is_the_current_one() -> None:
    text = DOCUMENT.read_text()
    assert text == with_table(text), "run `python -m tests.security.checklist` and commit what it writes"
