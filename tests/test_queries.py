"""Named SQL."""

import re
from pathlib import Path

import pytest

from services.queries import load_queries

SERVICES = Path(__file__).parent.parent / "services"
SQL_FILES = sorted(file for file in SERVICES.rglob("*.sql") if file.parent.name != "schema")


def test_statements_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: one\n-- Why.\nSELECT 1;\n\n-- name: two\nSELECT 2\n")
    queries = load_queries(str(tmp_path / "a.py"), "a.sql")
    assert queries == {"one": "-- Why.\nSELECT 1", "two": "SELECT 2"}


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")
    with pytest.raises(ValueError, match="twice"):
        load_queries(str(tmp_path / "a.py"), "a.sql")


@pytest.mark.parametrize("file", SQL_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_statement_has_a_purpose_line_and_is_used(file: Path) -> None:
    code = "".join(module.read_text() for module in file.parent.glob("*.py"))
    every_one = re.search(rf'(\w+) = load_queries\(__file__, "{file.name}"\)\n', code)
    all_in_turn = every_one is not None and f"in {every_one[1]}.items()" in code
    chosen = re.search(r"_SQL\[\w+\]", code) is not None  # by a name that stands elsewhere in the module
    for name, body in load_queries(str(file), file.name).items():
        used = re.search(rf'\["{name}"\]', code) or (chosen and f'"{name}"' in code)
        assert body.startswith("-- "), f"{name} does not say what it is for"
        assert all_in_turn or used, f"{name} is used by no module beside it"
