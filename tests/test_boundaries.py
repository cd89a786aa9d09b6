"""Arrows point one way: shared files import no service; catalog and checkout never meet."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = ROOT / "services"
NAMES = sorted(folder.name for folder in SERVICES.iterdir() if (folder / "app.py").exists())
# The plain files, and the look that the pages of the shop and of the jobs dashboard share.
SHARED = sorted([*SERVICES.glob("*.py"), *(SERVICES / "design").glob("*.py")])
# Room was made for what keeps a store up: admission, call guards, the pulse of a pool, the age of an answer;
# for what the URL of a database may say; and for what all must do alike, such as hiding what a log quotes,
# taking a path for what it says, and refusing what smuggles.
SHARED_LINES_MAX = 5200
MAY_IMPORT = {
    "catalog": set(),
    "checkout": set(),
    "health": set(),
    "storefront": set(),
    "jobs": {"catalog", "checkout"},
}


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _services_imported_by(file: Path) -> set[str]:
    return {
        name for name in NAMES for module in _imports(file) if f"{module}.".startswith(f"services.{name}.")
    }


@pytest.mark.parametrize("file", SHARED, ids=lambda file: str(file.relative_to(SERVICES)))
def test_shared_files_import_no_service(file: Path) -> None:
    assert _services_imported_by(file) == set()


@pytest.mark.parametrize("service", NAMES)
def test_a_service_imports_only_what_it_may(service: str) -> None:
    for file in (SERVICES / service).rglob("*.py"):
        assert _services_imported_by(file) - {service} <= MAY_IMPORT[service], file


def test_services_do_not_import_the_operators_side() -> None:
    for file in SERVICES.rglob("*.py"):
        assert not any(module.split(".")[0] in {"ops", "tests", "bench"} for module in _imports(file)), file


def test_connections_are_lent_by_one_helper_only() -> None:
    """Whoever takes the pool's connection by other ways waits for it without a deadline."""
    for file in SERVICES.rglob("*.py"):
        names = {n.attr for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Attribute)}
        assert "raw_connection" not in names or file == SERVICES / "database.py", file


def test_the_shared_files_stay_few() -> None:
    lines = sum(len(file.read_text().splitlines()) for file in SHARED)
    assert lines <= SHARED_LINES_MAX


@pytest.mark.parametrize("service", NAMES)
def test_the_route_table_of_a_service_is_one_screen(service: str) -> None:
    assert len((SERVICES / service / "app.py").read_text().splitlines()) <= 90


@pytest.mark.parametrize(
    "file", sorted(SERVICES.rglob("*.py")), ids=lambda file: str(file.relative_to(SERVICES))
)
def test_no_new_task_is_begun_inside_a_transaction(file: Path) -> None:
    """A new task gets another connection from `databases`, outside the transaction it seems to be in."""
    forbidden = {"wait_for", "gather", "create_task", "TaskGroup", "ensure_future"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.AsyncWith) and any("transaction" in ast.dump(item) for item in node.items):
            names = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            assert not names & forbidden, f"{file.name}:{node.lineno}"
