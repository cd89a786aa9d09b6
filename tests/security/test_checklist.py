"""The checklist has all its points, each with tests that exist."""

import pytest

from tests.security.checklist import Point, exists, points


def test_there_are_41_points_in_order() -> None:
    assert [point.number for point in points()] == list(range(1, 42))


@pytest.mark.parametrize("point", points(), ids=lambda point: str(point.number))
def test_a_point_is_proven_by_tests_that_exist(point: Point) -> None:
    assert point.tests or point.waits_for
    assert [test for test in point.tests if not exists(test)] == []


def test_a_test_that_is_not_there_is_found_out() -> None:
    assert not exists("tests/security/test_checklist.py::test_nothing")
    assert not exists("tests/security/test_nowhere.py::test_there_are_41_points_in_order")
    assert exists("tests/security/test_checklist.py::test_there_are_41_points_in_order")
