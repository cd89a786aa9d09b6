"""`audit`: who did what to which thing."""

from __future__ import annotations

from argparse import Namespace

from services.jobs.commands.shell import Shell
from services.jobs.staff.audit import AuditFilter, entries


async def audit(shell: Shell, given: Namespace) -> None:
    names = AuditFilter.__struct_fields__
    wanted = AuditFilter(**{name: getattr(given, name) for name in names})
    page = await entries(shell.jobs.database, wanted, given.cursor, given.limit)
    shell.table(page.items, "at", "who", "by", "action", "target", "details", more=page.next_cursor)
