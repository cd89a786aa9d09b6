"""Who sits at the command line, with what, and how answers are shown: tables, or JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from services.errors import Conflict
from services.jobs.resources import Jobs
from services.jobs.staff.who import Who

_CELL_MAX = 60
_GAP = "  "
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


class NotConfirmed(Conflict):
    slug, title = "not-confirmed", "Nothing was changed"


@dataclass(frozen=True, slots=True)
class Shell:
    jobs: Jobs
    who: Who
    json: bool = False

    def show(self, value: Any, *lines: str) -> None:
        """One answer: as JSON, or these lines."""
        if self.json:
            print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        else:
            for line in lines:
                print(line)

    def table(self, items: Sequence[msgspec.Struct], *columns: str, more: str | None = None) -> None:
        """Items by these fields of theirs; `more`: how to get at what comes after them."""
        if self.json:
            self.show({"items": items, "next_cursor": more})
            return
        rows = [[cell(getattr(item, column)) for column in columns] for item in items]
        for line in aligned([[column.replace("_", " ").upper() for column in columns], *rows]):
            print(line)
        if more is not None:
            print(f"... more: --cursor {more}")

    def note(self, line: str) -> None:
        """Beside the answer, never in it."""
        print(line, file=sys.stderr)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Raises NotConfirmed unless the person, or `--yes`, says so."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise NotConfirmed("Nobody is there to ask: add --yes")
        if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
            raise NotConfirmed()


def cell(value: Any) -> str:
    """A value in a table. What others wrote may hold anything: one line, no control characters."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case float():
            return f"{value:.1f}"
        case list() | tuple():
            return cell(", ".join(str(one) for one in value)) if value else "-"
        case _:
            return printable(" ".join(str(value).split()))[:_CELL_MAX]


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else _UNPRINTABLE for letter in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[text.ljust(width) for text, width in zip(row, widths, strict=True)] for row in rows]
    return [_GAP.join(row).rstrip() for row in padded]
