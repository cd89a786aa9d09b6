"""The OpenAPI document: written from the operations, committed, complete."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest

from ops.openapi import PATH, current

DOCUMENT: dict[str, Any] = msgspec.json.decode(current())
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_document_is_the_current_one() -> None:
    assert PATH.read_bytes() == current(), "run `make openapi` and commit what it writes"


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_says_what_it_does_and_what_may_go_wrong(
    name: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    statuses = set(operation["responses"])
    assert {"422", "503"} <= statuses
    if "{" in name:
        assert "404" in statuses
    for status, response in operation["responses"].items():
        if status >= "400":
            assert list(response["content"]) == ["application/problem+json"]


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_schema_is_a_valid_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_free_form_attributes_are_documented_by_their_prefix() -> None:
    parameters = DOCUMENT["paths"]["/api/catalog/products"]["get"]["parameters"]
    [attributes] = [p for p in parameters if p["name"] == "attr"]
    assert attributes["schema"]["propertyNames"]["pattern"] == r"^attr\..+$"
    assert attributes["explode"] is True
