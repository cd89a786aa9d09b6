"""The OpenAPI document, and the same as something a page can show.

Reads `openapi.json` beside this file, written by `make openapi`: OpenAPI 3.1 with `paths`, one tag for
each operation (its service), and `components.schemas` in JSON Schema as msgspec writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from markupsafe import Markup

from services.storefront.api_examples import curl_command, example_of, json_schema
from services.storefront.schema_text import constraints_of, markup_of_backticks, type_of

PATH = Path(__file__).parent / "openapi.json"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape. `place` is where a parameter stands: `path`, `query`."""

    name: str
    type: Markup
    required: bool
    constraints: list[str]
    description: Markup
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    description: Markup
    type: Markup | None

    @property
    def good(self) -> bool:
        return self.status < "400"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation, ready to show."""

    anchor: str
    method: str
    path: str
    summary: str
    admin: bool
    fields: list[Field]
    body: Markup | None
    answers: list[Answer]
    curl: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema of `components`: its fields, and what it looks like filled in."""

    name: str
    description: Markup
    fields: list[Field]
    example: str


@dataclass(frozen=True)
class ApiReference:
    """`source` are the bytes as served, `shop` is the address to try them at; the rest is read once."""

    source: bytes
    shop: str

    @cached_property
    def document(self) -> Json:
        document: Json = msgspec.json.decode(self.source)
        return document

    @property
    def about(self) -> Markup:
        return markup_of_backticks(self.document["info"].get("description", ""))

    @cached_property
    def services(self) -> dict[str, list[Endpoint]]:
        """Endpoints by tag, in the document's order."""
        found: dict[str, list[Endpoint]] = {}
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                tag = operation.get("tags", ["other"])[0]
                found.setdefault(tag, []).append(self._endpoint(method.upper(), path, operation))
        return found

    @cached_property
    def shapes(self) -> list[Shape]:
        schemas: Json = self.document.get("components", {}).get("schemas", {})
        return [self._shape(name, schema) for name, schema in sorted(schemas.items())]

    def _endpoint(self, method: str, path: str, operation: Json) -> Endpoint:
        body = json_schema(operation.get("requestBody", {}))
        return Endpoint(
            anchor=operation["operationId"],
            method=method,
            path=path,
            summary=operation.get("summary", ""),
            admin=bool(operation.get("security")),
            fields=[_parameter(parameter) for parameter in operation.get("parameters", [])],
            body=type_of(body) if body else None,
            answers=[_answer(status, answer) for status, answer in operation["responses"].items()],
            curl=curl_command(self.shop, method, path, operation, self.document),
        )

    def _shape(self, name: str, schema: Json) -> Shape:
        required = schema.get("required", [])
        fields = [
            _field(member, described, member in required)
            for member, described in schema.get("properties", {}).items()
        ]
        example = msgspec.json.format(msgspec.json.encode(example_of(schema, self.document)), indent=2)
        return Shape(name, markup_of_backticks(schema.get("description", "")), fields, example.decode())


def read_reference(shop: str) -> ApiReference:
    return ApiReference(PATH.read_bytes(), shop)


def _field(name: str, schema: Json, required: bool, description: str = "", place: str = "") -> Field:
    text = description or schema.get("description", "")
    return Field(name, type_of(schema), required, constraints_of(schema), markup_of_backticks(text), place)


def _parameter(parameter: Json) -> Field:
    schema = parameter.get("schema", {})
    required, description = parameter.get("required", False), parameter.get("description", "")
    return _field(parameter["name"], schema, required, description, parameter["in"])


def _answer(status: str, answer: Json) -> Answer:
    schema = json_schema(answer)
    return Answer(status, markup_of_backticks(answer["description"]), type_of(schema) if schema else None)
