"""`${NAME}` and `${NAME:-default}` in our YAML files, and the numbers that follow from others."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ops.console import OperatorError
from ops.deploy.destination import Destination
from services.settings import Group, ProcessSettings, WorkerSettings

DEFAULT_LAME_DUCK_SECONDS = 5.0  # as deploy.yml and the image have it
WORKER_LAST_RESORT_SECONDS = 10.0  # services/jobs/worker.py ends itself so long after WORKER_STOP_SECONDS
GRACE_MARGIN_SECONDS = 10.0

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")


def fill_in(template: Any, values: Mapping[str, str | int]) -> Any:
    """The same structure with every placeholder replaced. A text that is nothing but a placeholder keeps
    the value's type. Raises OperatorError for a name without value and default."""
    if isinstance(template, dict):
        return {name: fill_in(one, values) for name, one in template.items()}
    if isinstance(template, list):
        return [fill_in(one, values) for one in template]
    if not isinstance(template, str):
        return template
    if whole := _PLACEHOLDER.fullmatch(template):
        return _value(whole, values)
    return _PLACEHOLDER.sub(lambda found: str(_value(found, values)), template)


def _value(found: re.Match[str], values: Mapping[str, str | int]) -> str | int:
    name, default = found[1], found[2]
    value = values.get(name, default)
    if value is None:
        raise OperatorError(f"{name} is not set, and a stack file wants it (see .env.production.example)")
    return value


def default_of(group: type[Group], variable: str, given: str | None) -> str | int | None:
    """The value of a variable as stack files want it: what is given, or else the default; a number stays
    one. None where there is neither."""
    [field] = [one for one in msgspec.structs.fields(group) if one.encode_name == variable]
    whole_number = isinstance(field.default, int)
    if given is not None:
        return int(given) if whole_number else given
    if field.default in (None, msgspec.NODEFAULT):
        return None
    return field.default if whole_number else text_of(field.default)


def required_of(group: type[Group]) -> list[str]:
    """The variables of a group that have no default."""
    return [field.encode_name for field in msgspec.structs.fields(group) if field.required]


def text_of(value: object) -> str:
    """As it is written in an environment: 20, not 20.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def lame_duck_seconds(destination: Destination) -> float:
    """How long a service goes on serving after SIGTERM."""
    if destination.value("LAME_DUCK_SECONDS") is None:
        return DEFAULT_LAME_DUCK_SECONDS
    return destination.read(ProcessSettings).lame_duck_seconds


def grace_seconds(destination: Destination) -> dict[str, int]:
    """What the engine waits between SIGTERM and SIGKILL: longer than the process needs at most."""
    web = lame_duck_seconds(destination) + destination.read(ProcessSettings).drain_seconds
    worker = destination.read(WorkerSettings).worker_stop_seconds + WORKER_LAST_RESORT_SECONDS
    return {
        "WEB_GRACE_SECONDS": math.ceil(web + GRACE_MARGIN_SECONDS),
        "WORKER_GRACE_SECONDS": math.ceil(worker + GRACE_MARGIN_SECONDS),
    }
