"""The OpenAPI 3.1 document, written from the operations themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from services.decode import Nothing
from services.errors import ShopError, meaning_of
from services.operations import LINES_MEDIA_TYPE, Operation
from services.problems import Problem

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_DESCRIPTION = (
    "The shop's API. Money is integer minor units plus an ISO 4217 currency, times are RFC 3339 in UTC, "
    "errors are RFC 9457 problems with a stable `type`."
)

_STAFF = "A token of the jobs dashboard: `kiosk_...`. Its role decides: viewer, operator or admin."


def document(services: Iterable[tuple[str, Sequence[Operation]]], version: str) -> dict[str, Any]:
    """One document over all services; an operation is tagged with its service."""
    operations = [(tag, o) for tag, all_of_it in services for o in all_of_it if o.public]
    structs = list(dict.fromkeys(kind for _, o in operations for kind in _structs_of(o)))
    shapes, components = msgspec.json.schema_components([*structs, Problem], ref_template=_REF)
    for component in components.values():
        if described := component.get("description"):
            # Docstrings are wrapped, and Python takes their indentation off from 3.13 on only.
            component["description"] = " ".join(described.split())
    schemas = dict(zip([*structs, Problem], shapes, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for tag, o in operations:
        paths.setdefault(o.path, {})[o.method.lower()] = _operation(tag, o, schemas, components)
    for _, o in operations:
        components.pop(o.query.__name__, None)  # its fields stand as parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kiosk",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "admin": {"type": "http", "scheme": "bearer", "description": "ADMIN_API_KEY"},
                "staff": {"type": "http", "scheme": "bearer", "description": _STAFF},
            },
        },
    }


def _structs_of(o: Operation) -> list[Any]:
    return [kind for kind in (o.query, o.body, o.lines, o.answer) if kind is not None and kind is not Nothing]


def _operation(tag: str, o: Operation, schemas: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", o.path)
    ]
    if o.query is not Nothing:
        parameters += _query_parameters(o.query, components)
    if o.idempotency_key is not None:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        required = o.idempotency_key == "required"
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": required, "schema": key})
    described: dict[str, Any] = {
        "operationId": f"{tag}.{_name_of(o.endpoint)}",
        "tags": [tag],
        "summary": o.summary,
        "parameters": parameters,
        "responses": _responses(o, schemas),
    }
    if o.body is not Nothing:
        described["requestBody"] = {
            "required": o.body_required,
            "content": {_JSON: {"schema": schemas[o.body]}},
        }
    if o.lines is not None:
        content = {LINES_MEDIA_TYPE: {"schema": schemas[o.lines]}}
        described["requestBody"] = {"description": "One per line", "required": True, "content": content}
    if o.admin or o.guard is not None:
        described["security"] = [{"admin" if o.admin else "staff": []}]
    return described


def _name_of(endpoint: Any) -> str:
    """A guarded endpoint is an object around the function."""
    name: str = getattr(endpoint, "endpoint", endpoint).__name__
    return name


def _query_parameters(query: type[msgspec.Struct], components: dict[str, Any]) -> list[dict[str, Any]]:
    """The struct's fields as parameters. A `name.` field is a free-form object whose members are
    parameters of their own, each beginning with the prefix."""
    properties: dict[str, Any] = components[query.__name__]["properties"]
    parameters = []
    for name, described in properties.items():
        schema = {key: value for key, value in described.items() if value not in (None, [], {})}
        description = schema.pop("description", None)
        if name.endswith("."):
            schema["propertyNames"] = {"pattern": f"^{re.escape(name)}.+$"}
            parameter = {"name": name.rstrip("."), "in": "query", "style": "form", "explode": True}
        else:
            parameter = {"name": name, "in": "query"}
        if description:
            parameter["description"] = description
        parameters.append({**parameter, "schema": _without_null(schema)})
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent, never null."""
    if options := schema.get("anyOf"):
        some = [option for option in options if option.get("type") != "null"]
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**rest, **some[0]} if len(some) == 1 else {**rest, "anyOf": some}
    if None in schema.get("enum", ()):
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema


def _responses(o: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success"}
    if o.answer is not None:
        success["content"] = {_JSON: {"schema": schemas[o.answer]}}
    responses: dict[str, Any] = {str(o.status): success}
    if o.cached:
        responses["304"] = {"description": "You have it already (If-None-Match)"}
    by_status: dict[int, list[type[ShopError]]] = {}
    for problem in o.possible_problems:
        by_status.setdefault(meaning_of(problem).status, []).append(problem)
    for status, problems in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "; ".join(f"{problem.title} (`/problems/{problem.slug}`)" for problem in problems),
            "content": {"application/problem+json": {"schema": schemas[Problem]}},
        }
    return responses
