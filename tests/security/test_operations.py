"""What the declarations of all operations promise about what they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from services.decode import Input, Nothing
from services.errors import Invalid, ShopError
from services.operations import Operation
from services.request_context import current_request, read_context
from services.routes import routes_of
from services.same_origin import ForeignRequest
from services.settings import ProcessSettings
from tests.security.test_doors import OPERATIONS

FORBIDDEN = {"price_minor": 1, "total_minor": 0, "role": "admin", "status": "paid", "is_admin": True}
UNSAFE = [one for one in OPERATIONS if one.method != "GET" and not one.page]
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://shop.evil.example"},
    {"Origin": "null"},
]


def _label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


class Reached(Exception):
    """The request came through to the endpoint."""


async def _objection(operation: Operation, **sent: Any) -> Exception:
    """What the operation raises before its endpoint; its own key and guard let everybody in."""

    async def endpoint(_call: Any) -> Any:
        raise Reached

    opened = dataclasses.replace(operation, endpoint=endpoint, guard=None, admin=False)
    app = Starlette(routes=list(routes_of([opened])))
    app.state.settings, app.state.resources = ProcessSettings(), None
    context = current_request.set(read_context([(b"x-entry", b"internal")]))
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            await client.request(operation.method, operation.path.replace("{", "").replace("}", ""), **sent)
    except (ShopError, Reached) as error:
        return error
    finally:
        current_request.reset(context)
    raise AssertionError("it neither raised nor reached its endpoint")


def _structs_of(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The struct and those in its fields, at any depth."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for field in msgspec.structs.fields(kind):
            yield from _structs_of(field.type)
    for part in get_args(kind):
        yield from _structs_of(part)


WITH_BODY = [one for one in OPERATIONS if one.body is not Nothing]


@pytest.mark.parametrize("operation", WITH_BODY, ids=_label)
async def test_forbidden_fields_are_refused_by_every_operation_with_a_body(operation: Operation) -> None:
    known = {field.encode_name for field in msgspec.structs.fields(operation.body)}
    foreign = {name: value for name, value in FORBIDDEN.items() if name not in known}
    assert len(foreign) >= 3
    error = await _objection(operation, json=foreign)
    assert isinstance(error, Invalid)
    assert foreign.keys() <= {one.field for one in error.facts["errors"]}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body is not Nothing or one.lines])
def test_what_is_nested_in_a_body_takes_no_unknown_field_either(operation: Operation) -> None:
    for kind in (*_structs_of(operation.body), *_structs_of(operation.lines)):
        assert kind.__struct_config__.forbid_unknown_fields, kind


def test_inputs_forbid_what_they_do_not_know() -> None:
    assert Input.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("operation", UNSAFE, ids=_label)
async def test_another_sites_page_changes_nothing_by_the_api(operation: Operation) -> None:
    for headers in FOREIGN:
        for media_type in ("text/plain", "application/json"):
            sent = {**headers, "Content-Type": media_type}
            assert isinstance(await _objection(operation, content=b"{}", headers=sent), ForeignRequest)


@pytest.mark.parametrize("operation", UNSAFE, ids=_label)
async def test_programs_and_our_own_pages_may_call_the_api(operation: Operation) -> None:
    for headers in ({}, {"Origin": "http://shop"}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}):
        error = await _objection(operation, json={}, headers=headers)
        assert not isinstance(error, ForeignRequest)
