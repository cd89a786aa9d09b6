"""The decoder: everything wrong is named, nothing wrong gets through."""

import json
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from services.catalog.shapes import ListQuery
from services.decode import Input, Nothing, decode_body, decode_query
from services.errors import Invalid, Malformed, TooLarge, UnsupportedMediaType

pytestmark = pytest.mark.anyio


class Address(Input, frozen=True):
    city: str
    country: str


class Details(Input, frozen=True):
    email: str
    address: Address
    quantity: int = 1


def _request(body: bytes, content_type: str | None = "application/json") -> Request:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop(0)

    return Request(
        {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}, receive
    )


def _fields(error: Invalid) -> list[str]:
    return [e.field for e in error.errors]


GOOD = {"email": "a@b.example", "address": {"city": "Łódź", "country": "PL"}}


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_a_body_is_decoded_whatever_the_media_types_parameters(content_type: str) -> None:
    details = await decode_body(_request(json.dumps(GOOD).encode(), content_type), Details, 1000)
    assert details.address.city == "Łódź"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_content_type_is_refused(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        await decode_body(_request(b"{}", content_type), Details, 1000)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a":1}x', b"[" * 100_000])
async def test_bytes_that_are_not_json_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        await decode_body(_request(body), Details, 1_000_000)


@pytest.mark.parametrize("depth", [33, 400, 900])
async def test_json_nested_too_deep_is_malformed(depth: int) -> None:
    nested = b'{"email": ' + b"[" * depth + b'"\\u0000"' + b"]" * depth + b"}"
    with pytest.raises(Malformed):
        await decode_body(_request(nested), Details, 1_000_000)


async def test_every_wrong_field_is_named_at_once() -> None:
    wrong = {"address": {"city": 7}, "quantity": "many", "price": 0}
    with pytest.raises(Invalid) as caught:
        await decode_body(_request(json.dumps(wrong).encode()), Details, 1000)
    assert _fields(caught.value) == ["address.city", "address.country", "email", "price", "quantity"]


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"x"'])
async def test_json_that_is_no_object_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        await decode_body(_request(body), Details, 1000)


async def test_a_body_beyond_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        await decode_body(_request(b'"' + b"x" * 2000 + b'"'), Details, 1000)


async def test_a_nul_character_is_refused_because_postgresql_cannot_store_it() -> None:
    with pytest.raises(Invalid):
        await decode_body(_request(json.dumps({**GOOD, "email": "a\x00b"}).encode()), Details, 1000)


async def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    details = await decode_body(_request(json.dumps({**GOOD, "email": "a\\u0000"}).encode()), Details, 1000)
    assert details.email == "a\\u0000"


def test_lists_and_prefixed_names_are_collected() -> None:
    query = decode_query(b"brand=A&brand=B&attr.color=red&attr.color=blue&attr.size=M&limit=5", ListQuery)
    assert (query.brand, query.attributes) == (["A", "B"], {"color": ["red", "blue"], "size": ["M"]})
    assert query.limit == 5


@pytest.mark.parametrize(
    ("query_string", "field"),
    [
        (b"limit=0", "limit"),
        (b"limit=101", "limit"),
        (b"limit=many", "limit"),
        (b"limit=5&limit=6", "limit"),
        (b"colour=red", "colour"),
        (b"price_min=-1", "price_min"),
        (b"price_min=1.5", "price_min"),
        (b"price_min=99999999999999999999", "price_min"),
        (b"sort=cheapest", "sort"),
        (b"q=a%00b", "q"),
        (b"attr.=x", "attr."),
        (b"q=" + b"x" * 201, "q"),
    ],
)
def test_a_wrong_parameter_is_named(query_string: bytes, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_query(query_string, ListQuery)
    assert _fields(caught.value) == [field]


def test_a_page_ignores_unknown_parameters() -> None:
    assert decode_query(b"utm_source=x&q=mug", ListQuery, strict=False).q == "mug"


def test_bytes_beyond_ascii_in_the_query_are_malformed() -> None:
    with pytest.raises(Malformed):
        decode_query(b"q=\xff", ListQuery)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(Invalid):
        decode_query(b"&".join(b"a=1" for _ in range(101)), ListQuery)


def test_nothing_takes_nothing() -> None:
    assert decode_query(b"", Nothing) == Nothing()
    with pytest.raises(Invalid):
        decode_query(b"x=1", Nothing)


def test_inputs_refuse_unknown_fields_by_inheritance() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"city": "x", "country": "y", "z": 1}, Address)
