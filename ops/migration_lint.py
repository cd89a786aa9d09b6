"""`python -m ops.migration_lint`: may the release that runs go on while a migration is applied, and
afterwards beside the new one, or again after a rollback?

Migrations only expand: they add, and take nothing away that the release before reads or writes. Each is
read by PostgreSQL's own parser; a statement that takes something away, or holds a lock while it reads a
whole table, is refused unless the line above it says `-- contract: <why it is safe>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pglast import parse_sql
from pglast.parser import ParseError, scan

from ops.console import say
from ops.migration_rules import Reading
from ops.migration_tables import Objection

SERVICES = Path(__file__).parent.parent / "services"

# As dbmate itself looks for them.
_UP = re.compile(r"^--\s*migrate:up(?P<options>[^\n]*)$", re.MULTILINE)
_DOWN = re.compile(r"^--\s*migrate:down[^\n]*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--\s*(?P<text>.*)$")
_MARK = re.compile(r"^contract:\s*(?P<why>.*)$")


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement that a migration should not hold: where, what, why not, and the safe way."""

    file: Path
    line: int
    what: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    why: {self.why}\n    instead: {self.instead}"


def findings(services: Path = SERVICES) -> list[Finding]:
    """What is wrong with the migrations of all services, in the order of files and lines. File names are
    relative to the folder above `services`."""
    found: list[Finding] = []
    for schema in sorted(services.glob("*/schema")):
        reading = Reading()  # a later file builds on what an earlier one of the same service has proven
        for file in sorted(schema.glob("[0-9]*_*.sql")):
            name = file.relative_to(services.parent)
            found += _findings_of(name, file.read_text(), reading)
    return found


def _findings_of(name: Path, text: str, reading: Reading) -> list[Finding]:
    up = _UP.search(text)
    if up is None:
        why, instead = "dbmate applies nothing of it", "begin it with the line `-- migrate:up`"
        return [Finding(name, 1, "no `-- migrate:up`", why, instead)]
    down = _DOWN.search(text, up.end())
    # Blanks stand for what is left out, so that lines keep their numbers.
    above = "\n" * text.count("\n", 0, up.end())
    sql = above + text[up.end() : down.start() if down else len(text)]
    reading.open_file(transaction="transaction:false" not in up["options"].replace(" ", ""))
    try:
        statements = parse_sql(sql)
    except ParseError as error:
        place = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else len(above)
        why, instead = "PostgreSQL would refuse it too", "mend the statement"
        return [Finding(name, _line_of(sql, place), str(error.args[0]), why, instead)]
    reading.statements = len(statements)
    comments = _comments(sql)
    found: list[Finding] = []
    for statement in statements:
        line = _line_of(sql, statement.stmt_location or 0)
        objections = list(reading.objections(statement.stmt))
        found += _unmarked(name, line, objections, _mark_above(comments, line))
    return found


def _unmarked(name: Path, line: int, objections: list[Objection], mark: str | None) -> Iterator[Finding]:
    """What remains of the objections to a statement beside its mark: none, where the mark has a reason."""
    if mark == "" and objections:
        instead = "-- contract: <why nothing that runs misses it>"
        yield Finding(name, line, "a mark without a reason", "who reads it later has to know", instead)
    if mark is None:
        for objection in objections:
            yield Finding(name, line, objection.what, objection.why, objection.instead)


def _line_of(sql: str, place: int) -> int:
    return sql.count("\n", 0, place) + 1


def _comments(sql: str) -> dict[int, str]:
    """The text of each comment that has a line to itself, by that line; none of those inside strings or
    the bodies of functions."""
    lines = sql.splitlines()
    numbers = (_line_of(sql, token.start) for token in scan(sql) if token.name == "SQL_COMMENT")
    whole = ((number, _COMMENT.match(lines[number - 1])) for number in numbers)
    return {number: found["text"].strip() for number, found in whole if found}


def _mark_above(comments: dict[int, str], line: int) -> str | None:
    """The reason that the comment right above a line gives; None where that comment is no mark. A reason
    may take several lines."""
    said: list[str] = []
    while (line := line - 1) in comments:
        said.insert(0, comments[line])
        if found := _MARK.match(said[0]):
            return " ".join([found["why"].strip(), *said[1:]]).strip()
    return None


def main() -> None:
    found = findings()
    for finding in found:
        say(str(finding))
    if found:
        statements = "statement" if len(found) == 1 else "statements"
        mark = "Where it is safe all the same, the line above says `-- contract: <why>`."
        raise SystemExit(f"kiosk: {len(found)} {statements} that a migration should not hold. {mark}")
    say("  migrations only expand")


if __name__ == "__main__":
    main()
