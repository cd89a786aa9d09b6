"""`bulk`: actions on many jobs, listed, followed and ended. `retry --all` and `discard --all` start them."""

from __future__ import annotations

from argparse import Namespace

from services.database import connection
from services.jobs import steering
from services.jobs.bulk import bulk
from services.jobs.commands.shell import Shell

_COLUMNS = ("id", "backend", "verb", "state", "expected", "seen", "changed", "by", "created_at", "error")


async def listed(shell: Shell, given: Namespace) -> None:
    async with connection(shell.jobs.database) as raw:
        page = await bulk.page(raw, given.cursor, given.limit)
    shell.table(page.items, *_COLUMNS, more=page.next_cursor)


async def show(shell: Shell, given: Namespace) -> None:
    async with connection(shell.jobs.database) as raw:
        action = await bulk.one(raw, given.id)
    shell.table([action], *_COLUMNS)


async def cancel(shell: Shell, given: Namespace) -> None:
    action = await steering.cancel_bulk(shell.jobs, shell.who, given.id)
    shell.show(action, f"cancelled {action.id} after {action.changed} jobs")
