"""`staff` and `tokens`: who may come in by dashboard and API."""

from __future__ import annotations

import uuid
from argparse import Namespace

from services.errors import NotFound
from services.jobs.commands.shell import Shell
from services.jobs.staff import accounts as staff
from services.jobs.staff import tokens as keys
from services.jobs.staff.shell import read_password


async def accounts(shell: Shell, _given: Namespace) -> None:
    columns = ("name", "role", "created_at", "created_by", "logged_in_at", "sessions", "disabled_at")
    shell.table(await staff.all_accounts(shell.jobs.database), *columns)


async def add(shell: Shell, given: Namespace) -> None:
    password = read_password()
    name = await staff.create(shell.jobs.database, shell.who, given.name, given.role, password)
    shell.show({"name": name, "role": given.role}, f"{name} may log in, as {given.role}")


async def password(shell: Shell, given: Namespace) -> None:
    name = staff.clean_name(given.name)
    await staff.set_password(shell.jobs.database, shell.who, name, read_password())
    shell.show({"name": name}, f"{name} has a new password and is logged out everywhere")


async def disable(shell: Shell, given: Namespace) -> None:
    name = staff.clean_name(given.name)
    await staff.set_disabled(shell.jobs.database, shell.who, name, disabled=True)
    shell.show({"name": name}, f"{name} can't log in any more, and is logged out everywhere")


async def tokens(shell: Shell, _given: Namespace) -> None:
    columns = ("id", "name", "role", "good", "created_by", "created_at", "used_at", "expires_at")
    shell.table(await keys.all_tokens(shell.jobs.database), *columns)


async def add_token(shell: Shell, given: Namespace) -> None:
    token = await keys.create(shell.jobs.database, shell.who, given.name, given.role, given.days)
    shell.note("This is the only time that it is shown:")
    shell.show({"name": given.name, "role": given.role, "token": token}, token)


async def revoke_token(shell: Shell, given: Namespace) -> None:
    try:
        token_id = uuid.UUID(given.id)
    except ValueError:
        raise NotFound() from None
    await keys.revoke(shell.jobs.database, shell.who, token_id)
    shell.show({"id": given.id}, f"revoked {given.id}")
