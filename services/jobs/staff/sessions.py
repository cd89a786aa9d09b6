"""Sessions of people in the dashboard: begun by the login, found by their token, ended on the server."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

import msgspec
from databases import Database

from services.database import Connection, connection
from services.jobs.staff.who import Role, Who
from services.queries import load_queries

LIFE, IDLE_LIFE = timedelta(days=7), timedelta(hours=12)

_SQL = load_queries(__file__, "sessions.sql")


class Session(msgspec.Struct, frozen=True):
    """A good session. `token_hash` names it; the token itself is known to the browser alone."""

    token_hash: bytes
    account_id: UUID
    name: str
    role: Role

    @property
    def who(self) -> Who:
        return Who(self.name, self.role, "session")


def hash_of(token: str) -> bytes:
    """Of 256 random bits, so one round of SHA-256 is enough: nobody can guess what leads to it."""
    return hashlib.sha256(token.encode()).digest()


async def begin(
    raw: Connection, account_id: UUID, password_hash: str, address: str | None, rehashed: str | None = None
) -> str | None:
    """A new session's token; None when the account has another password by now, or is disabled. Always a
    new token: one that was there before the login could be somebody else's plant. `rehashed` replaces
    the password's hash."""
    token = secrets.token_urlsafe(32)
    begun = await raw.fetchval(
        _SQL["begin_session"],
        account_id,
        password_hash,
        rehashed,
        hash_of(token),
        address,
    )
    return token if begun else None


async def find(database: Database, token: str) -> Session | None:
    """One round trip. Expiry counts from the login and from the last use."""
    token_hash = hash_of(token)
    async with connection(database) as raw:
        row = await raw.fetchrow(_SQL["session_by_token"], token_hash, LIFE, IDLE_LIFE)
    return Session(token_hash, row["id"], row["name"], row["role"]) if row else None


async def end(raw: Connection, session: Session) -> None:
    await raw.execute(_SQL["end_session"], session.token_hash)


async def end_all_of(raw: Connection, account_id: UUID, but: bytes | None = None) -> None:
    """Call it after the account's row is locked, so that no login slips in between."""
    await raw.execute(_SQL["end_sessions_of"], account_id, but)
