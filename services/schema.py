"""Is the database's schema one this image can work with?

Compatible means: every migration this image ships for the service is applied. Newer ones are fine,
because migrations only expand, so an older release can go on working after a rollback.
"""

from __future__ import annotations

from pathlib import Path

from databases import Database

from services.database import connection


def shipped_migrations(service: str) -> frozenset[str]:
    """Versions (`0001`) of the migration files beside the service's code."""
    folder = Path(__file__).parent / service / "schema"
    return frozenset(file.name.partition("_")[0] for file in folder.glob("[0-9]*_*.sql"))


async def missing_migrations(database: Database, service: str) -> frozenset[str]:
    """Shipped but not applied. Raises DatabaseUnavailable; one round trip."""
    async with connection(database) as raw:
        exists = await raw.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{service}.schema_migrations")
        if not exists:
            return shipped_migrations(service)
        rows = await raw.fetch(f"SELECT version FROM {service}.schema_migrations")  # noqa: S608  # our own names
    return shipped_migrations(service) - {row["version"] for row in rows}
