"""Which migration each schema has come to, and whether that is what this release brings along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg
from databases import Database

from services.errors import DatabaseUnavailable
from services.health.asking import rows_of
from services.health.monitor import Finding, failed
from services.queries import load_queries
from services.schema import shipped_migrations

EVERY_SECONDS = 30.0
_APPLIED = load_queries(__file__, "migrations.sql")["applied_migrations"]
_SCHEMAS = ("catalog", "checkout", "jobs")


def migrations(database: Database, seconds: float) -> Callable[[], Awaitable[Finding]]:
    """Degraded when one that this release ships is not applied, or nobody could say. Newer ones are fine:
    they only add, so a release before them works on."""

    async def look() -> Finding:
        try:
            rows = await rows_of(database, seconds, _APPLIED)
        except (DatabaseUnavailable, asyncpg.PostgresError) as error:
            return failed(error, "degraded")
        return judge({row["schema"]: frozenset(row["versions"]) for row in rows})

    return look


def judge(applied: dict[str, frozenset[str]]) -> Finding:
    """`applied`: versions (`0004`) by schema."""
    missing = {name: sorted(shipped_migrations(name) - applied.get(name, frozenset())) for name in _SCHEMAS}
    reasons = [f"{schema} lacks {', '.join(versions)}" for schema, versions in missing.items() if versions]
    newest = {schema: max(versions, default=None) for schema, versions in sorted(applied.items())}
    return Finding("degraded" if reasons else "ok", {"newest": newest, "reasons": reasons})
