"""What the command line does with staff. Who has a shell on the server is an admin; passwords come from the
terminal or standard input, never from the command line, which other processes can read."""

from __future__ import annotations

import getpass
import sys

from databases import Database

from services.jobs.staff import accounts, tokens
from services.jobs.staff.accounts import Account
from services.jobs.staff.who import Role, Who


class NotTheSame(SystemExit):
    """The password was typed differently the second time."""


def shell_user() -> Who:
    """Whoever runs this, by the name of their system account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "shell"
    return Who(name, "admin", "shell")


def read_password() -> str:
    """Asked for twice at a terminal; else the first line of standard input. Raises NotTheSame."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:  # rule: secret-compare, because one person typed both
        raise NotTheSame("kiosk: the two are not the same")
    return password


async def create_account(database: Database, name: str, role: Role, password: str) -> str:
    """Raises Invalid, AccountExists."""
    return await accounts.create(database, shell_user(), name, role, password)


async def set_password(database: Database, name: str, password: str) -> None:
    """Raises Invalid, NotFound."""
    await accounts.set_password(database, shell_user(), accounts.clean_name(name), password)


async def list_accounts(database: Database) -> list[Account]:
    return await accounts.all_accounts(database)


async def create_token(database: Database, name: str, role: Role, days: int | None) -> str:
    """The token, to be shown once. Raises Invalid."""
    return await tokens.create(database, shell_user(), name, role, days)
