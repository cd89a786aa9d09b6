"""Examples made from the schemas themselves, so that none can grow old."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlencode

import msgspec

Json = dict[str, Any]

_TEXTS = {"currency": "EUR", "slug": "desk-lamp", "url": "/pictures/lamp/7.svg", "q": "lamp"}


def example_of(schema: Json, document: Json, name: str = "", inside: tuple[str, ...] = ()) -> Any:
    """A value that fits the schema. `name` is the field's: it makes texts look like themselves.
    `inside` are the shapes around it: one that holds itself is not begun again."""
    if reference := schema.get("$ref"):
        if reference in inside:
            return None
        return example_of(_resolved(reference, document), document, name, (*inside, reference))
    if choices := schema.get("examples") or schema.get("enum"):
        return choices[0]
    if options := schema.get("anyOf"):
        return example_of(options[0], document, name, inside)
    return _plain_example(schema, document, name, inside)


def _plain_example(schema: Json, document: Json, name: str, inside: tuple[str, ...]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object_example(schema, document, inside)
    if kind == "array":
        item = example_of(schema.get("items", {}), document, name, inside)
        return [] if item is None else [item]
    scalars = {
        "string": _TEXTS.get(name, "…"),
        "integer": 1999 if name == "amount" else max(1, schema.get("minimum", 1)),
        "number": max(1.5, schema.get("minimum", 1.5)),
        "boolean": True,
    }
    return scalars.get(kind or "null")


def _object_example(schema: Json, document: Json, inside: tuple[str, ...]) -> Json:
    members = schema.get("properties") or {}
    if not members and isinstance(schema.get("additionalProperties"), dict):
        members = {"color": schema["additionalProperties"]}
    return {name: example_of(member, document, name, inside) for name, member in members.items()}


def curl_command(shop: str, method: str, path: str, operation: Json, document: Json) -> str:
    """A command for the shop at `shop`. It works once `$ADMIN_API_KEY` and the made-up values are real."""
    options = [] if method == "GET" else [f"-X {method}"]
    if operation.get("security"):
        options.append('-H "Authorization: Bearer $ADMIN_API_KEY"')
    query: dict[str, str] = {}
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", _TEXTS.get(name, name.upper()))
        elif parameter["in"] == "header" and parameter.get("required"):
            options.append(f'-H "{name}: $(uuidgen)"')
        elif parameter["in"] == "query" and name in _TEXTS:
            query[name] = _TEXTS[name]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        body = shlex.quote(msgspec.json.encode(example_of(content["schema"], document)).decode())
        plain = media_type == "application/json"
        options.append(f"--json {body}" if plain else f'-H "Content-Type: {media_type}" --data-binary {body}')
    address = shop + path + ("?" + urlencode(query) if query else "")
    return " \\\n  ".join(["curl", *options, shlex.quote(address)]).replace("curl \\\n ", "curl", 1)


def json_schema(holder: Json) -> Json | None:
    """The schema of a body, in whichever JSON media type it comes."""
    return next((content.get("schema") for content in holder.get("content", {}).values()), None)


def _resolved(reference: str, document: Json) -> Json:
    found: Json = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found
