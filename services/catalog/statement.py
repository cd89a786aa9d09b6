"""A statement put together from fragments, with the arguments its `$n` stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Statement:
    """Conditions and their arguments; `{0}` in a fragment becomes the argument's `$n`."""

    conditions: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def bind(self, fragment: str, *arguments: Any) -> str:
        """The fragment, with its arguments added to the statement's."""
        first = len(self.arguments) + 1
        self.arguments += arguments
        return fragment.format(*(f"${first + i}" for i in range(len(arguments))))

    def where(self, fragment: str, *arguments: Any) -> None:
        self.conditions.append(self.bind(fragment, *arguments))

    @property
    def text(self) -> str:
        return " WHERE " + " AND ".join(self.conditions)
