"""`python -m tests.security.checklist`: writes the points, with what proves each, into SECURITY.md."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "SECURITY.md"
BEGIN, END = "<!-- checklist -->", "<!-- /checklist -->"


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tests`: node ids."""

    number: int
    says: str
    tests: list[str]


def points() -> list[Point]:
    found = tomllib.loads((Path(__file__).parent / "checklist.toml").read_text())["points"]
    return msgspec.convert(found, list[Point])


def exists(node_id: str) -> bool:
    """Whether the file has a test of that name at its top."""
    file, _, name = node_id.partition("::")
    if not (ROOT / file).is_file():
        return False
    top = ast.parse((ROOT / file).read_text()).body
    return any(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name for one in top)


def table() -> str:
    """The points in Markdown, a row each."""
    rows = ["| | Point | Proven by |", "|--|--|--|"]
    for point in points():
        proofs = "<br>".join(f"`{test}`" for test in point.tests)
        rows.append(f"| {point.number} | {point.says} | {proofs} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """The text of SECURITY.md, with the table anew between its two marks. Raises ValueError without them."""
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"SECURITY.md has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


def main() -> int:
    DOCUMENT.write_text(with_table(DOCUMENT.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
