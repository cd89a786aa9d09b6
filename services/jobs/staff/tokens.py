"""Tokens by which programs use the API: made by admins, shown once, kept as a hash."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from uuid import UUID

import msgspec
from databases import Database

from services.database import Connection, connection, transaction
from services.errors import FieldError, Invalid, NotFound
from services.jobs.staff import audit
from services.jobs.staff.sessions import hash_of
from services.jobs.staff.who import Role, Who
from services.queries import load_queries

DAYS_MAX = 3650
_PREFIX = "kiosk_"  # scanners for leaked secrets can look for it
_TOKEN = re.compile(_PREFIX + r"[A-Za-z0-9_-]{43}")
_SQL = load_queries(__file__, "tokens.sql")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. `good`: neither revoked nor expired."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    created_by: str
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    good: bool


async def find(database: Database, token: str) -> Who | None:
    """Who shows this token; None for one that is no good. One round trip."""
    if not _TOKEN.fullmatch(token):
        return None
    async with connection(database) as raw:
        row = await raw.fetchrow(_SQL["token_by_hash"], hash_of(token))
    return Who(row["name"], row["role"], "token") if row else None


async def create(database: Database, who: Who, name: str, role: Role, days: int | None) -> str:
    """A new token, good for `days` (None: until it is revoked). Nobody can see it again.
    Raises Invalid, RoleTooLow."""
    who.require("admin")
    name = name.strip()
    errors: list[FieldError] = []
    if not 1 <= len(name) <= 64 or not name.isprintable():
        errors.append(FieldError("name", "needs 1 to 64 characters"))
    if days is not None and not 1 <= days <= DAYS_MAX:
        errors.append(FieldError("days", f"must be from 1 to {DAYS_MAX}"))
    if errors:
        raise Invalid(errors)
    token = _PREFIX + secrets.token_urlsafe(32)
    async with transaction(database) as raw:
        token_id = await raw.fetchval(_SQL["create_token"], name, role, hash_of(token), who.name, days)
        details = {"id": str(token_id), "role": role, "days": days}
        await audit.record(raw, who, "token.create", name, details)
    return token


async def revoke(database: Database, who: Who, token_id: UUID) -> None:
    """Raises NotFound (also for one that is revoked already), RoleTooLow."""
    who.require("admin")
    async with transaction(database) as raw:
        if (name := await raw.fetchval(_SQL["revoke_token"], token_id)) is None:
            raise NotFound()
        await audit.record(raw, who, "token.revoke", name, {"id": str(token_id)})


async def revoke_all_by(raw: Connection, name: str) -> list[str]:
    """The names of the tokens that an account had made."""
    return [row["name"] for row in await raw.fetch(_SQL["revoke_tokens_by"], name)]


async def all_tokens(database: Database) -> list[Token]:
    async with connection(database) as raw:
        rows = await raw.fetch(_SQL["all_tokens"])
    return [msgspec.convert(dict(row), Token) for row in rows]
