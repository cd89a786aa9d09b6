"""What to do about a check that is not ok, by the table in advice.toml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Advice(msgspec.Struct, frozen=True):
    """One entry of the table; advice.toml says how it is read."""

    check: str
    cause: str
    text: str


TABLE = msgspec.toml.decode(
    (Path(__file__).parent / "advice.toml").read_bytes(), type=dict[str, list[Advice]]
)["advice"]


def advice_for(check: str, said: Sequence[str]) -> list[str]:
    """What to do about a check that is not ok, once for each cause; `said` is all that it says, nothing when
    details are hidden."""
    found: list[str] = []
    for cause in said or [""]:
        for advice in TABLE:
            if re.fullmatch(advice.check, check) and re.search(advice.cause, cause):
                found.append(advice.text.replace("{logs:CHECK}", f"{{logs:{check}}}"))
                break
    return list(dict.fromkeys(found)) or ["Nothing is known about this one: docs/operations.md, Is it well?"]
