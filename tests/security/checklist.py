"""`python -m tests.security.checklist`: the points of the security checklist with what proves each."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent.parent


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tests`: node ids. `waits_for`: the branch whose tests are still to be named here."""

    number: int
    says: str
    tests: list[str]
    waits_for: str | None = None


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


def main() -> int:
    for point in points():
        print(
            f"{point.number:2}  {point.says}" + (f"  (waits for {point.waits_for})" * bool(point.waits_for))
        )
        for test in point.tests:
            print(f"      {test}" + ("" if exists(test) else "  MISSING"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
