"""The one decoder of what callers send: query, body and path become typed structs, or a clear 4xx.

Bad bytes are 400, a wrong content type 415, a body too large 413, a wrong, unknown or repeated
field 422 with every offender listed. What passes here is safe to hand to PostgreSQL as text.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request

from services.errors import FieldError, Invalid, Malformed, TooLarge, UnsupportedMediaType

S = TypeVar("S", bound=msgspec.Struct)

_PARAMETERS_MAX = 100
_DEPTH_MAX = 32  # of JSON: four times what any request of ours has


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what callers send: unknown fields are refused."""


class Nothing(Input, frozen=True):
    """No parameters, or no body."""


def decode_query(query_string: bytes, kind: type[S], *, strict: bool = True) -> S:
    """Parameters into `kind`. A list field may be given more than once; a `dict[str, list[str]]`
    field named `attr.` collects every `attr.NAME`. `strict=False` (pages) ignores the unknown."""
    if not query_string and kind is Nothing:
        return kind()
    values, errors = _collect(query_string, kind, strict=strict)
    return _convert(values, kind, errors)


@cache
def _fields_of(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """By name; kept, because evaluating a struct's annotations costs more than a whole request."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


@cache
def _list_fields_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    bare = {name: getattr(field.type, "__origin__", None) for name, field in _fields_of(kind).items()}
    return frozenset(name for name, origin in bare.items() if list in (origin, get_origin(origin)))


def _collect(
    query_string: bytes, kind: type[msgspec.Struct], *, strict: bool
) -> tuple[dict[str, Any], list[FieldError]]:
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX
        )
    except UnicodeDecodeError:
        raise Malformed("The query string holds bytes that are not ASCII; percent-encode them") from None
    except ValueError:
        message = f"more than {_PARAMETERS_MAX} parameters"
        raise Invalid([FieldError("query", message)]) from None
    fields, lists = _fields_of(kind), _list_fields_of(kind)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in pairs:
        prefix = name.partition(".")[0] + "."
        if "\x00" in value or "\x00" in name:
            errors.append(FieldError(name.replace("\x00", ""), "must not contain the NUL character"))
        elif name in fields and not name.endswith("."):
            if name in lists:
                values.setdefault(name, []).append(value)
            elif name in values:
                errors.append(FieldError(name, "is given more than once"))
            else:
                values[name] = value
        elif prefix in fields and len(name) > len(prefix):
            values.setdefault(prefix, {}).setdefault(name[len(prefix) :], []).append(value)
        elif strict:
            errors.append(FieldError(name, "is not a parameter of this operation"))
    return values, errors


async def decode_body(request: Request, kind: type[S], bytes_max: int) -> S:
    """A JSON body into `kind`. Raises UnsupportedMediaType, TooLarge, Malformed, Invalid."""
    require_media_type(request, "application/json")
    return decode_json(await read_body(request, bytes_max), kind)


def require_media_type(request: Request, wanted: str) -> None:
    """Raises UnsupportedMediaType for another content type; its parameters do not matter."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != wanted:
        raise UnsupportedMediaType(f"Send {wanted}")


def decode_json(raw: bytes, kind: type[S]) -> S:
    """JSON text into `kind`. Raises Malformed, Invalid."""
    try:
        values = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"This is not JSON: {error}") from None
    # Cheaper than to look: what has few brackets can't be deep.
    if raw.count(b"[") + raw.count(b"{") > _DEPTH_MAX and _depth(values) > _DEPTH_MAX:
        raise Malformed(f"This JSON is nested more than {_DEPTH_MAX} deep")
    if b"\\u0000" in raw and _holds_nul(values):
        raise Invalid([FieldError("body", "must not contain the NUL character")])
    return _convert(values, kind, [], strict=True)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The raw body, at most `bytes_max` long; never holds more than that. Raises TooLarge, Malformed."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise TooLarge(f"At most {bytes_max} bytes")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise TooLarge(f"At most {bytes_max} bytes")
    except ClientDisconnect:  # nobody hears the answer; it is no error of ours either
        raise Malformed("The body ended too early") from None
    return bytes(body)


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, found without a call for each level."""
    depth, level = 0, [value]
    while inner := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [part for one in inner for part in (one.values() if isinstance(one, dict) else one)]
    return depth


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def _convert(values: Any, kind: type[S], errors: list[FieldError], *, strict: bool = False) -> S:
    try:
        converted = msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid(errors + _all_errors(values, kind, str(error), strict=strict)) from None
    if errors:
        raise Invalid(errors)
    return converted


def _all_errors(values: Any, kind: type[msgspec.Struct], first: str, *, strict: bool) -> list[FieldError]:
    """msgspec stops at the first error; a form wants all of them, so each field is tried alone."""
    if not isinstance(values, dict):
        return [_field_error("", first)]
    errors: list[FieldError] = []
    known = _fields_of(kind)
    errors += [FieldError(str(n), "is not a field of this request") for n in values.keys() - known.keys()]
    for name, field in known.items():
        if name not in values:
            if field.required:
                errors.append(FieldError(name, "is required"))
            continue
        errors += _errors_at(name, values[name], field.type, strict=strict)
    return sorted(errors, key=lambda error: error.field) or [_field_error("", first)]


def _errors_at(path: str, value: Any, annotation: Any, *, strict: bool) -> list[FieldError]:
    """What is wrong with one value: all of it, where it is a struct or a list of structs."""
    try:
        msgspec.convert(value, annotation, strict=strict)
    except msgspec.ValidationError as error:
        first = str(error)
    else:
        return []
    nested, inner = _struct_in(annotation), list[FieldError]()
    if nested is not None and isinstance(value, dict):
        within = _all_errors(value, nested, first, strict=strict)
        inner = [FieldError(f"{path}.{e.field}".rstrip("."), e.message) for e in within]
    elif nested is not None and isinstance(value, list):
        for place, item in enumerate(value):
            inner += _errors_at(f"{path}[{place}]", item, nested, strict=strict)
    return inner or [_field_error(path, first)]


def _struct_in(annotation: Any) -> type[msgspec.Struct] | None:
    """The struct a field holds, also behind Optional and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    return next((found for part in get_args(annotation) if (found := _struct_in(part))), None)


def _field_error(name: str, message: str) -> FieldError:
    """Turns "Expected `int` <= 100 - at `$.limit`" into a path and a sentence."""
    text, _, place = message.partition(" - at ")
    inner = place.partition("$")[2].rstrip("`").replace("[...]", "").lstrip(".")
    field = f"{name}.{inner}".strip(".").replace(".[", "[")
    return FieldError(field or "body", text[:1].lower() + text[1:].replace("`", ""))
