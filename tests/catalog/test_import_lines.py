"""One line by itself: every wrong field is named, in words, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from services.catalog.import_lines import decode_line, read_lines
from services.errors import FieldError, Invalid
from tests.catalog.conftest import a_line

VARIANT: dict[str, Any] = {"sku": "S", "price": 100, "attributes": {}}

# What is changed in a good line, and which fields are wrong then.
WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"slug": "Not A Slug"}, ["slug"]),
    ({"slug": "ends-with-a-break\n"}, ["slug"]),
    ({"slug": None}, ["slug"]),
    ({"title": " "}, ["title"]),
    ({"title": "x" * 201}, ["title"]),
    ({"title": "nul\x00"}, [""]),
    ({"colour": "red", "weight": 1}, ["colour", "weight"]),
    ({"categories": ["Home/Lamps"]}, ["categories[0]"]),
    ({"categories": ["a/b/"]}, ["categories[0]"]),
    ({"categories": ["a/b", "b"]}, ["categories"]),
    (
        {"images": [{"url": "/a.svg"}, {"url": "javascript:alert(1)", "alt": 7}]},
        ["images[1].alt", "images[1].url"],
    ),
    ({"images": [{"url": "/a.svg\n", "alt": ""}]}, ["images[0].url"]),
    ({"attributes": {"size": 7}}, ["attributes"]),
    ({"attributes": {f"a{n}": "" for n in range(51)}}, ["attributes"]),
    ({"variants": []}, ["variants"]),
    ({"variants": "none"}, ["variants"]),
    ({"variants": [VARIANT, VARIANT]}, ["variants[1].sku"]),
    (
        {"variants": [VARIANT, {**VARIANT, "sku": "a b", "price": -1}]},
        ["variants[1].price", "variants[1].sku"],
    ),
    ({"variants": [{**VARIANT, "price": 9.99}]}, ["variants[0].price"]),
    ({"variants": [{**VARIANT, "price": 10**13}]}, ["variants[0].price"]),
    (
        {"variants": [{**VARIANT, "price": {"amount": -1, "currency": "EUR"}}]},
        ["variants[0].price.amount"],
    ),
    (
        {"variants": [{**VARIANT, "price": {"amount": 1, "currency": "USD"}}]},
        ["variants[0].price.currency"],
    ),
    ({"variants": [{**VARIANT, "price": {"amount": 1}}]}, ["variants[0].price.currency"]),
    ({"variants": [{**VARIANT, "compare_at": 100}]}, ["variants[0].compare_at"]),
    ({"variants": [{**VARIANT, "weight_grams": -1}]}, ["variants[0].weight_grams"]),
    ({"variants": [{**VARIANT, "initial_stock": 1.5}]}, ["variants[0].initial_stock"]),
    ({"variants": [{"price": 1}, 7]}, ["variants[0].attributes", "variants[0].sku", "variants[1]"]),
    ({"seo": {"keywords": "x"}}, ["seo.keywords"]),
    ({"published": "yes"}, ["published"]),
]


def _faults(line: object) -> list[FieldError]:
    with pytest.raises(Invalid) as caught:
        decode_line(1, msgspec.json.encode(line), "EUR")
    return list(caught.value.errors)


@pytest.mark.parametrize(("change", "fields"), WRONG, ids=str)
def test_every_wrong_field_is_named(change: dict[str, Any], fields: list[str]) -> None:
    faults = _faults({**a_line("mug"), **change})
    assert [fault.field for fault in faults] == fields
    assert all(fault.message and "regex" not in fault.message for fault in faults)


@pytest.mark.parametrize("name", [*a_line("mug")])
def test_what_a_line_must_have_is_asked_for(name: str) -> None:
    line = a_line("mug")
    del line[name]
    assert _faults(line) == [FieldError(name, "is required")]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
@pytest.mark.anyio
async def test_lines_are_the_same_however_the_bytes_arrive(size: int) -> None:
    body = b"one\ntwo\r\n\n" + b"x" * 300 + b"\nlast"

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    found = [line async for line in read_lines(chunks())]
    assert found == [(1, b"one"), (2, b"two"), (4, b"x" * 300), (5, b"last")]
