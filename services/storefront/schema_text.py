"""JSON Schema in words: types as a reader says them, limits as short phrases."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
}
_LIMITS = {
    "minimum": "at least {:,}",
    "maximum": "at most {:,}",
    "exclusiveMinimum": "more than {:,}",
    "exclusiveMaximum": "less than {:,}",
    "minLength": "at least {:,} characters",
    "maxLength": "at most {:,} characters",
    "minItems": "at least {:,} items",
    "maxItems": "at most {:,} items",
    "maxProperties": "at most {:,} names",
    "pattern": "matches {}",
    "format": "format {}",
}


def type_of(schema: dict[str, Any]) -> Markup:
    """The type of a value, with links to the shapes it is made of."""
    if reference := schema.get("$ref"):
        return Markup('<a href="#shape-{0}">{0}</a>').format(reference.rpartition("/")[2])
    if values := schema.get("enum"):
        return Markup(" | ").join(Markup("<code>{}</code>").format(_spelled(value)) for value in values)
    if options := schema.get("anyOf"):
        return Markup(" or ").join(type_of(option) for option in options)
    return _plain_type(schema)


def _plain_type(schema: dict[str, Any]) -> Markup:
    kind, members = schema.get("type", "anything"), schema.get("additionalProperties")
    if kind == "array":
        return Markup("list of {}").format(type_of(schema.get("items", {})))
    if kind == "object" and isinstance(members, dict):
        return Markup("map of {}").format(type_of(members))
    return Markup.escape(_TYPES.get(kind, kind))


def constraints_of(schema: dict[str, Any]) -> list[str]:
    """The limits of a value and, for a list or a choice with null, of what is in it."""
    found = [text.format(schema[key]) for key, text in _LIMITS.items() if key in schema]
    if "default" in schema and schema["default"] not in (None, "", [], {}):
        found.append(f"default {_spelled(schema['default'])}")
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    for option in inner:
        found += [f"each {text}" if "items" in schema else text for text in constraints_of(option)]
    return found


def markup_of_backticks(text: str) -> Markup:
    """`code` in the text as <code>, all else escaped."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else Markup.escape(piece)
        for place, piece in enumerate(pieces)
    )


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
