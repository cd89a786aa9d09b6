"""Logging in and out: the one way to a session."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from databases import Database

from services.database import connection, transaction
from services.jobs.staff import accounts, audit, passwords, sessions, throttle
from services.jobs.staff.sessions import Session
from services.jobs.staff.throttle import Guess
from services.jobs.staff.who import Who
from services.queries import load_queries
from services.request_context import current_request

_SQL = load_queries(__file__, "accounts.sql")


async def log_in(database: Database, name: str, password: str) -> str | None:
    """A new session's token; None for a wrong name or password, or a disabled account, which one is nobody's
    business. Raises TooManyGuesses, Overloaded."""
    name = accounts.clean_name(name)
    context = current_request.get()
    address = context.client_address if context else None
    passwords.require_place()  # before the guess is charged
    guess = await throttle.charge(database, name, address)
    async with connection(database) as raw:
        account = await raw.fetchrow(_SQL["account_to_verify"], name)
    right = await passwords.verify(account["password_hash"] if account else None, password)
    if account is not None and right and not account["disabled"]:
        rehashed = await _rehashed(account["password_hash"], password)
        if token := await _begin(database, account, guess, address, rehashed):
            return token
    await _fail(database, account, right=right)
    return None


async def _rehashed(stored: str, password: str) -> str | None:
    return await passwords.hash_of(password) if passwords.is_outdated(stored) else None


async def _begin(
    database: Database, account: asyncpg.Record, guess: Guess, address: str | None, rehashed: str | None
) -> str | None:
    account_id: UUID = account["id"]
    async with transaction(database) as raw:
        token = await sessions.begin(raw, account_id, account["password_hash"], address, rehashed)
        if token is not None:
            await throttle.succeed(raw, guess)
            who = Who(account["name"], account["role"], "session")
            await audit.record(raw, who, "staff.login", account["name"])
    return token


async def _fail(database: Database, account: asyncpg.Record | None, *, right: bool) -> None:
    """Recorded without the name when it is none of ours: it may be a password in the wrong field."""
    if account is None:
        reason = "unknown name"
    elif right:
        reason = "disabled" if account["disabled"] else "changed meanwhile"
    else:
        reason = "wrong password"
    async with transaction(database) as raw:
        target = account["name"] if account else None
        await audit.record(raw, None, "staff.login_failed", target, {"reason": reason})


async def log_out(database: Database, session: Session) -> None:
    async with transaction(database) as raw:
        await sessions.end(raw, session)
        await audit.record(raw, session.who, "staff.logout", session.name)
