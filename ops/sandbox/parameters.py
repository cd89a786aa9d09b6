"""Form parameters in Stripe's manner: `metadata[order]=7` nests, `expand[]=charge` lists."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ops.sandbox.errors import InvalidRequest

P = TypeVar("P", bound=msgspec.Struct)

_PARAMETERS_MAX = 200
_PARTS = re.compile(r"\[([^\[\]]*)\]")
_MISSING = re.compile(r"missing required field `(\w+)`(?: - at `\$\.?(.*)`)?")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`(?: - at `\$\.?(.*)`)?")
_WRONG = re.compile(r"(.*) - at `\$\.?(.*)`")


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what an operation takes; unknown parameters are refused, as Stripe does."""

    expand: list[str] = []


def decode_form(encoded: bytes) -> dict[str, Any]:
    """Bytes of a body or a query into nested dicts. Raises InvalidRequest."""
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise InvalidRequest("Invalid request: send form-encoded UTF-8 parameters") from None
    values: dict[str, Any] = {}
    for name, value in pairs:
        _place(values, name, value)
    return {name: value if name == "metadata" else _with_lists(value) for name, value in values.items()}


def _place(values: dict[str, Any], name: str, value: str) -> None:
    first, *_ = name.partition("[")
    path = [first, *_PARTS.findall(name[len(first) :])]
    inner = values
    for part in path[:-1]:
        deeper = inner.setdefault(part, {})
        if not isinstance(deeper, dict):
            raise InvalidRequest(f"Invalid parameter: {name}", param=name)
        inner = deeper
    last = path[-1]
    inner[str(len(inner)) if last == "" and len(path) > 1 else last] = value


def _with_lists(value: Any) -> Any:
    """`{"0": "a", "1": "b"}` is what a list looks like in a form."""
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(item) for name, item in value.items()}
    numbered = [str(index) for index in range(len(inner))]
    return list(inner.values()) if list(inner) == numbered else inner


def take_text(values: dict[str, Any], name: str) -> str | None:
    """Removes a parameter that every operation may be given. Raises InvalidRequest when it nests."""
    value = values.pop(name, None)
    if value is not None and not isinstance(value, str):
        raise InvalidRequest(f"Invalid string: {name}", param=name)
    return value


def read(values: dict[str, Any], kind: type[P]) -> P:
    """Raises InvalidRequest with the code and parameter that Stripe would name."""
    for name, value in values.items():
        if value == "":
            message = (
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset"
                f" a field; however '{name}' cannot be unset. You should remove '{name}' from your request"
                " or supply a non-empty value."
            )
            raise InvalidRequest(message, code="parameter_invalid_empty", param=name)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None


def _refusal(problem: str) -> InvalidRequest:
    if found := _MISSING.search(problem):
        name = _bracketed(found[2], found[1])
        return InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if found := _UNKNOWN.search(problem):
        name = _bracketed(found[2], found[1])
        return InvalidRequest(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    found = _WRONG.fullmatch(problem)
    name = _bracketed(found[2], "") if found is not None else ""
    expected = found[1] if found is not None else problem
    integer = "parameter_invalid_integer" if "`int`" in expected else None
    return InvalidRequest(f"Invalid {name}: {expected[:1].lower()}{expected[1:]}", code=integer, param=name)


def _bracketed(path: str | None, last: str) -> str:
    """`payment_method_data.card` and `number` as `payment_method_data[card][number]`."""
    first, *inner = [part for part in (*(path or "").split("."), last) if part]
    return first + "".join(f"[{part}]" for part in inner)
