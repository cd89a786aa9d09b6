"""Who may do what: extensions, one schema and one runtime role per service, and their grants.

Run as the owner of the database, before and after the migrations. Everything may be run again.
The owner needs no superuser: `CREATEROLE` and ownership of the database are enough.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg

from ops.console import OperatorError, step
from services.database import role_password
from services.queries import load_queries
from services.settings import DatabaseSettings

SCHEMAS = ("catalog", "checkout", "jobs")
ROLES = (*SCHEMAS, "health")
# Every service may enqueue, and health reads one view: `jobs` grants them that and no more.
VISITORS_OF_JOBS = ("catalog", "checkout", "health")

_SQL = load_queries(__file__, "roles.sql")

Owner: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def open_up(owner: Owner, settings: DatabaseSettings) -> None:
    """Before the migrations: extensions, schemas, roles, grants. Raises OperatorError that names
    the grant the owner lacks."""
    [(name, database, makes_roles)] = await owner.fetch(_SQL["who_am_i"])
    create = f"GRANT CREATE ON DATABASE {database} TO {name}"
    adopt = f"GRANT {', '.join(f'kiosk_{role}' for role in ROLES)} TO {name} WITH ADMIN OPTION"
    await _do("extensions", _extensions, owner, settings, create)
    await _do("schemas", _schemas, owner, settings, create)
    await _do("roles", _roles, owner, settings, adopt if makes_roles else f"ALTER ROLE {name} CREATEROLE")
    await _do("grants", _grants, owner, settings, f"ALTER SCHEMA ... OWNER TO {name}")


async def close_down(owner: Owner) -> None:
    """After the migrations: takes back what PostgreSQL grants to everyone by itself."""
    for name in SCHEMAS:
        await owner.execute(_SQL["close"].format(schema=name, role=f"kiosk_{name}"))


async def _do(
    label: str,
    work: Callable[[Owner, DatabaseSettings], Awaitable[None]],
    owner: Owner,
    settings: DatabaseSettings,
    remedy: str,
) -> None:
    try:
        with step(label):
            await work(owner, settings)
    except asyncpg.InsufficientPrivilegeError as error:
        raise OperatorError(f"migrate, {label}: {error.args[0]}. Missing: {remedy};") from None
    except (asyncpg.UndefinedFileError, asyncpg.FeatureNotSupportedError) as error:
        lacks = "the server lacks its contrib package"
        raise OperatorError(f"migrate, {label}: {error.args[0]} ({lacks})") from None


async def _extensions(owner: Owner, _settings: DatabaseSettings) -> None:
    await owner.execute(_SQL["extensions"])


async def _schemas(owner: Owner, _settings: DatabaseSettings) -> None:
    for name in SCHEMAS:
        await owner.execute(_SQL["schema"].format(schema=name))


async def _roles(owner: Owner, settings: DatabaseSettings) -> None:
    for name in ROLES:
        role = f"kiosk_{name}"
        await owner.execute(_SQL["role"].format(role=role))
        if password := password_of(settings, name):
            await owner.execute(await owner.fetchval(_SQL["password_statement"], role, password))


async def _grants(owner: Owner, _settings: DatabaseSettings) -> None:
    await owner.execute(_SQL["no_playground"])
    for name in SCHEMAS:
        await owner.execute(_SQL["visit"].format(schema=name, role=f"kiosk_{name}"))
        await owner.execute(_SQL["own_data"].format(schema=name, role=f"kiosk_{name}"))
    for name in VISITORS_OF_JOBS:
        await owner.execute(_SQL["visit"].format(schema="jobs", role=f"kiosk_{name}"))


def password_of(settings: DatabaseSettings, service: str) -> str | None:
    """The password a service will log in with: of its own URL where that is set, else derived."""
    if explicit := getattr(settings, f"{service}_database_url"):
        password = urlsplit(explicit).password
        return unquote(password) if password is not None else None
    return role_password(settings.database_url or "", f"kiosk_{service}")
