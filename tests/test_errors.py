"""Errors: one table, and problems that carry what a caller needs."""

import msgspec
import pytest

from services.errors import (
    MEANING,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    Limited,
    ShopError,
    Unauthorized,
    meaning_of,
)
from services.problems import problem_of, problem_of_status


class OutOfStock(Conflict):
    slug, title = "out-of-stock", "Not enough in stock"


def _families(kind: type[ShopError] = ShopError) -> list[type[ShopError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in _families(sub))]


@pytest.mark.parametrize("kind", _families())
def test_every_error_has_a_meaning_over_http(kind: type[ShopError]) -> None:
    assert 400 <= meaning_of(kind).status < 600


def test_a_services_own_error_means_what_its_family_means() -> None:
    assert meaning_of(OutOfStock("none left")) is MEANING[Conflict]
    assert not meaning_of(OutOfStock).retry
    assert meaning_of(DatabaseUnavailable).retry


def test_a_problem_carries_type_detail_and_facts() -> None:
    response = problem_of(OutOfStock("Only 2 left", skus=["A-1"]))
    assert response.status_code == 409
    assert response.media_type == "application/problem+json"
    body = msgspec.json.decode(response.body)
    assert body["type"] == "/problems/out-of-stock"
    assert body["detail"] == "Only 2 left"
    assert body["skus"] == ["A-1"]


def test_problems_say_when_to_come_back_and_which_key_they_want() -> None:
    assert problem_of(DatabaseUnavailable()).headers["retry-after"] == "2"
    assert problem_of(Limited(retry_after_seconds=30)).headers["retry-after"] == "30"
    assert problem_of(Unauthorized()).headers["www-authenticate"] == "Bearer"


def test_validation_errors_are_listed() -> None:
    body = msgspec.json.decode(problem_of(Invalid([FieldError("limit", "expected int")])).body)
    assert body["errors"] == [{"field": "limit", "message": "expected int"}]


def test_a_plain_status_is_a_problem_too() -> None:
    response = problem_of_status(405, {"Allow": "GET"})
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert msgspec.json.decode(response.body)["type"] == "/problems/method-not-allowed"
