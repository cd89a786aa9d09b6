"""Staff accounts: who may log in and as what. Managed by admins, or by whoever has a shell on the server.

A changed password or role and disabling end all of an account's sessions. There is always an admin left who
can log in.
"""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import msgspec
from databases import Database

from services.database import Connection, connection, transaction
from services.errors import Conflict, FieldError, Invalid, NotFound
from services.jobs.staff import audit, passwords, sessions, throttle, tokens
from services.jobs.staff.sessions import IDLE_LIFE, LIFE, Session
from services.jobs.staff.who import Role, Who
from services.queries import load_queries

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_SQL = load_queries(__file__, "accounts.sql")


class AccountExists(Conflict):
    slug, title = "account-exists", "There is an account of that name"


class LastAdmin(Conflict):
    slug, title = "last-admin", "This is the last admin who can log in"


class WrongPassword(Invalid):
    slug, title = "wrong-password", "That is not your password"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`sessions`: how many browsers are logged in."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    created_by: str
    password_set_at: datetime
    logged_in_at: datetime | None
    disabled_at: datetime | None
    sessions: int


def clean_name(text: str) -> str:
    """As people may type it: names are small letters. No other signs, so that no two look the same."""
    return text.strip().lower()


async def exist(database: Database) -> bool:
    """Whether anybody could log in at all."""
    async with connection(database) as raw:
        return bool(await raw.fetchval(_SQL["any_account"]))


async def all_accounts(database: Database) -> list[Account]:
    async with connection(database) as raw:
        rows = await raw.fetch(_SQL["all_accounts"], LIFE, IDLE_LIFE)
    return [msgspec.convert(dict(row), Account) for row in rows]


async def create(database: Database, who: Who, name: str, role: Role, password: str) -> str:
    """Returns the name as it is kept. Raises Invalid, AccountExists, RoleTooLow."""
    who.require("admin")
    name = clean_name(name)
    if not _NAME.fullmatch(name):
        raise Invalid([FieldError("name", "needs small letters, digits and . _ @ + - only, 64 at most")])
    passwords.require_good(password)
    hashed = await passwords.hash_of(password)
    async with transaction(database) as raw:
        if await raw.fetchval(_SQL["create_account"], name, role, hashed, who.name) is None:
            raise AccountExists()
        await audit.record(raw, who, "staff.create", name, {"role": role})
    return name


async def create_first(database: Database, name: str, password: str) -> bool:
    """Makes the first admin, if there is no account at all; whether it was made here. Any number of replicas
    may do it at once. Raises Invalid."""
    if await exist(database):
        return False
    passwords.require_good(password)
    hashed = await passwords.hash_of(password)
    async with transaction(database) as raw:
        made = await raw.fetchval(_SQL["create_first_account"], name, hashed, "STAFF_ADMIN_PASSWORD")
        if made is not None:
            details = {"role": "admin", "by": "STAFF_ADMIN_PASSWORD"}
            await audit.record(raw, None, "staff.create", name, details)
    return made is not None


async def set_password(database: Database, who: Who, name: str, password: str) -> None:
    """Another's password, without the old one. Raises Invalid, NotFound, RoleTooLow."""
    who.require("admin")
    passwords.require_good(password)
    hashed = await passwords.hash_of(password)
    async with transaction(database) as raw:
        account_id = await _lock(raw, name)
        await raw.execute(_SQL["set_password"], account_id, hashed)
        await sessions.end_all_of(raw, account_id)
        await audit.record(raw, who, "staff.set_password", name)


async def change_own_password(database: Database, session: Session, old: str, new: str) -> None:
    """Also ends the account's sessions, this one too. Raises Invalid, WrongPassword, TooManyGuesses."""
    passwords.require_good(new, "new_password")
    passwords.require_place()
    guess = await throttle.charge_change(database, session.name)
    async with connection(database) as raw:
        row = await raw.fetchrow(_SQL["account_to_verify"], session.name)
    stored: str | None = row["password_hash"] if row else None
    if not await passwords.verify(stored, old):
        raise WrongPassword([FieldError("old_password", "is not your password")])
    hashed = await passwords.hash_of(new)
    async with transaction(database) as raw:
        if await raw.fetchval(_SQL["change_password"], session.account_id, stored, hashed) is None:
            raise WrongPassword([FieldError("old_password", "was changed at this very moment")])
        await sessions.end_all_of(raw, session.account_id)
        await throttle.succeed(raw, guess)
        await audit.record(raw, session.who, "staff.change_password", session.name)


async def set_role(database: Database, who: Who, name: str, role: Role) -> None:
    """Who is no admin any more loses the tokens they made as one, whose role may be higher than theirs is
    now. Raises NotFound, LastAdmin, RoleTooLow."""
    who.require("admin")
    async with transaction(database) as raw:
        account_id, before = await _lock_beside_admins(raw, name, leaves=role != "admin")
        await raw.execute(_SQL["set_role"], account_id, role)
        await sessions.end_all_of(raw, account_id)
        revoked = await tokens.revoke_all_by(raw, name) if role != "admin" else []
        details = {"before": before, "after": role} | ({"revoked_tokens": revoked} if revoked else {})
        await audit.record(raw, who, "staff.set_role", name, details)


async def set_disabled(database: Database, who: Who, name: str, *, disabled: bool) -> None:
    """Who can't log in any more can't use the tokens either that they made: they know them. Raises NotFound,
    LastAdmin, RoleTooLow."""
    who.require("admin")
    async with transaction(database) as raw:
        account_id, _ = await _lock_beside_admins(raw, name, leaves=disabled)
        await raw.execute(_SQL["disable"], account_id, disabled)
        await sessions.end_all_of(raw, account_id)
        revoked = await tokens.revoke_all_by(raw, name) if disabled else []
        action = "staff.disable" if disabled else "staff.enable"
        await audit.record(raw, who, action, name, {"revoked_tokens": revoked} if revoked else {})


async def _lock(raw: Connection, name: str) -> UUID:
    row = await raw.fetchrow(_SQL["lock_account"], name)
    if row is None:
        raise NotFound()
    account_id: UUID = row["id"]
    return account_id


async def _lock_beside_admins(raw: Connection, name: str, *, leaves: bool) -> tuple[UUID, str]:
    """Id and role of an account about to change, all admins locked: of two that disable each other one is
    the last. `leaves`: it will be no admin who can log in."""
    admins = {row["id"] for row in await raw.fetch(_SQL["lock_admins"])}
    row = await raw.fetchrow(_SQL["lock_account"], name)
    if row is None:
        raise NotFound()
    if leaves and admins == {row["id"]}:
        raise LastAdmin()
    return row["id"], row["role"]
